import { getEventListeners } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connectDirectly } from '@certferry/outbound';
import { makeCertificate, temporaryFolder } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { describe, expect, test, vi } from 'vitest';
import type { StoreLimits } from './driver-context.ts';
import { StoreRoots } from './files/store-roots.ts';
import { LocalStoreAccess } from './local-store-access.ts';
import type { StoreChange } from './store-driver.ts';
import { useParser } from './toy/start-parser.ts';
import { tryStore } from './try-store.ts';

const parser = useParser();
const folder = temporaryFolder('access');
const access = () =>
  new LocalStoreAccess({ roots: new StoreRoots([folder]), parser: parser(), connect: connectDirectly });
const store = (file: string) => ({ id: 's1', kind: 'der', config: { certificatePath: join(folder, file) } });
const limits = (given: Partial<StoreLimits> = {}): StoreLimits => ({
  signal: new AbortController().signal,
  deadline: new Date(Date.now() + 60_000),
  ...given,
});

async function addition(): Promise<StoreChange> {
  const { der } = await makeCertificate({ commonName: 'access.example.com' });
  const { fingerprintSha256 } = readCertificate(der);
  const change = { alias: '', overwrite: false, fingerprintSha256, certificate: der, chain: [] };
  return { action: 'add', ...change };
}

describe('access to stores in this process', () => {
  test('opens a store by its kind, checks its config, and passes every call on', async () => {
    await expect(access().open({ ...store('x'), kind: 'cobol' }, limits())).rejects.toMatchObject({
      reason: 'UNKNOWN_STORE_KIND',
    });
    await expect(access().open({ ...store('x'), config: {} }, limits())).rejects.toMatchObject({
      reason: 'INVALID_STORE_CONFIG',
    });
    const open = await access().open(store('web.der'), limits());
    await open.cleanUp();
    await open.tryWriting();
    const prepared = await open.prepare(await addition());
    expect(prepared.oldRevision).toBe(await open.revision());
    await prepared.write();
    expect((await open.entries()).map((entry) => entry.facts.commonName)).toEqual(['access.example.com']);
    await open.close();
  });

  test('stops when it is cancelled or late, and writes nothing then', async () => {
    const stop = new AbortController();
    const open = await access().open(store('stopped.der'), limits({ signal: stop.signal }));
    const { write } = await open.prepare(await addition());
    stop.abort();
    await expect(write()).rejects.toMatchObject({ code: 'CANCELLED' });
    await open.close();
    await delay(200);
    expect(existsSync(join(folder, 'stopped.der'))).toBe(false);
    await expect(access().open(store('x'), limits({ signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: 'CANCELLED',
    });
    await expect(access().open(store('x'), limits({ deadline: new Date(0) }))).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'TARGET_HANGS',
    });
  });

  test('watches time and signal until the store is closed, or could not be opened', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { signal } = new AbortController();
      const watches = () => [vi.getTimerCount(), getEventListeners(signal, 'abort').length];
      const open = await access().open(store('x'), limits({ signal }));
      expect(watches()).toEqual([1, 1]);
      await open.close();
      expect(watches()).toEqual([0, 0]);
      await expect(access().open(store('../x'), limits({ signal }))).rejects.toMatchObject({
        reason: 'PATH_NOT_ALLOWED',
      });
      expect(watches()).toEqual([0, 0]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('trying a store', () => {
  test('says what works, up to what does not, and closes what it opened', async () => {
    let held = 0;
    const names = async (kind: string, file: string, config?: Record<string, unknown>) => {
      const open = async () => {
        const opened = await access().open({ ...store(file), kind, ...(config && { config }) }, limits());
        held++;
        return { ...opened, close: async () => await opened.close().then(() => void held--) };
      };
      return (await tryStore(kind, open)).map(({ name, ok }) => `${name} ${ok}`);
    };
    expect(await names('der', 'new.der')).toEqual(['path true', 'read true', 'write true']);
    writeFileSync(join(folder, 'rubbish.der'), 'rubbish');
    expect(await names('der', 'rubbish.der')).toEqual(['path true', 'read false']);
    expect(await names('der', '../outside.der')).toEqual(['path false']);
    expect(await names('der', 'x', {})).toEqual(['config false']);
    expect(await names('cobol', 'x')).toEqual(['path false']);
    expect(held).toBe(0);
  });
});
