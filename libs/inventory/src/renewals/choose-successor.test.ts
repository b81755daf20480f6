import type { CertificateFacts } from '@certferry/x509';
import { expect, test } from 'vitest';
import { chooseNewest, chooseSuccessor, type Candidate } from './choose-successor.ts';

const day = (number: number) => new Date(Date.UTC(2026, 5, number));
const NOW = day(15);

const candidate = (_id: string, from: number, to: number, flags: Partial<Candidate> = {}): Candidate => ({
  ...{ _id, enabled: true, hasPrivateKey: true },
  facts: { notBefore: day(from), notAfter: day(to) } as CertificateFacts,
  ...flags,
});
const older = candidate('older', 1, 40);
const newer = candidate('newer', 5, 50);
const notYet = candidate('not yet', 20, 60);
const later = candidate('later', 25, 70);
const disabled = candidate('disabled', 10, 80, { enabled: false });
const keyless = candidate('keyless', 11, 80, { hasPrivateKey: false });
const expired = candidate('expired', 1, 14);

test.each<[string, Candidate[], boolean, string | undefined]>([
  ['of two the newest valid one', [newer, older], true, 'newer'],
  ['none that is disabled or expired', [disabled, expired], true, undefined],
  ['none without the key where one is needed', [older, keyless], true, 'older'],
  ['one without the key where none is needed', [older, keyless], false, 'keyless'],
  ['a valid one before one that is not valid yet', [notYet, older], true, 'older'],
  ['the first that will be valid where none is', [later, notYet, expired], true, 'not yet'],
  ['none of none', [], false, undefined],
])('a successor: %s', (_, candidates, withKey, expected) => {
  for (const list of [candidates, candidates.toReversed()])
    expect(chooseSuccessor(list, { now: NOW, withKey })?._id).toBe(expected);
});

test('the newest of a name is one with its key where there is such a one, and valid now', () => {
  const choose = (list: Candidate[], key: 'any' | 'preferred' | 'required') =>
    chooseNewest(list, { now: NOW, key })?._id;
  expect(choose([older, keyless, notYet, disabled], 'preferred')).toBe('older');
  expect(choose([older, keyless], 'any')).toBe('keyless');
  expect(choose([keyless], 'preferred')).toBe('keyless');
  expect(choose([keyless], 'required')).toBeUndefined();
  expect(choose([notYet, expired], 'any')).toBeUndefined();
});
