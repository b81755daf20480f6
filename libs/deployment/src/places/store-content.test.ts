import { commonV1 } from '@certferry/contracts';
import type { StoreEntry } from '@certferry/store-drivers';
import { describe, expect, test } from 'vitest';
import { contentOfJobs, contentRead, type PlacingJob, type StoreContent } from './store-content.ts';

const day = (number: number) => new Date(Date.UTC(2026, 9, number));
const read = (alias: string, fingerprintSha256: string): StoreEntry => ({
  ...{ alias, hasPrivateKey: true, der: new Uint8Array(), chain: [] },
  facts: commonV1.CertificateFacts.fromPartial({ fingerprintSha256 }),
});

describe('what is read', () => {
  const before: StoreContent = {
    ...{ _id: 's', revision: 4, readAt: day(1) },
    entries: [
      { alias: 'Web', fingerprintSha256: 'old', hasPrivateKey: true, jobId: 'j1', since: day(1) },
      { alias: 'hand', fingerprintSha256: 'other', hasPrivateKey: false },
    ],
  };

  test('keeps who put there what is still there, and forgets what is gone', () => {
    const after = contentRead(before, [read('web', 'old'), read('new', 'x')], { at: day(2) });
    expect(after).toEqual({
      ...{ _id: 's', revision: 5, readAt: day(2) },
      entries: [
        { alias: 'web', fingerprintSha256: 'old', hasPrivateKey: true, jobId: 'j1', since: day(1) },
        { alias: 'new', fingerprintSha256: 'x', hasPrivateKey: true },
      ],
    });
  });

  test('says the job of what it put there, and of nothing else', () => {
    const by = { _id: 'j2', alias: 'WEB', fingerprintSha256: 'new' };
    const { entries } = contentRead(before, [read('web', 'new'), read('hand', 'other')], { at: day(3), by });
    expect(entries.map(({ jobId, since }) => [jobId, since])).toEqual([
      ['j2', day(3)],
      [undefined, undefined],
    ]);
    // The job found it there, but it is not what put it there.
    const again = contentRead({ ...before, entries }, [read('web', 'new')], { at: day(9), by: { ...by, _id: 'j3' } });
    expect(again.entries).toMatchObject([{ jobId: 'j2', since: day(3) }]);
  });
});

test('what jobs say: the last one of each place, whatever the case of its alias', () => {
  const job = (number: number, action: 'add' | 'remove', of: Partial<PlacingJob>): PlacingJob => ({
    ...{ _id: `j${number}`, action, alias: 'web', fingerprintSha256: 'a', includePrivateKey: true },
    updatedAt: day(number),
    ...of,
  });
  const content = contentOfJobs('s', [
    job(1, 'add', {}),
    job(2, 'add', {}),
    job(3, 'add', { alias: 'shop', fingerprintSha256: 'b', includePrivateKey: false }),
    job(4, 'add', { alias: 'gone' }),
    job(5, 'remove', { alias: 'Gone', fingerprintSha256: '' }),
    job(6, 'add', { alias: 'WEB', fingerprintSha256: 'c' }),
  ]);
  expect(content).toEqual({
    ...{ _id: 's', revision: 0 },
    entries: [
      { alias: 'WEB', fingerprintSha256: 'c', hasPrivateKey: true, jobId: 'j6', since: day(6) },
      { alias: 'shop', fingerprintSha256: 'b', hasPrivateKey: false, jobId: 'j3', since: day(3) },
    ],
  });
});
