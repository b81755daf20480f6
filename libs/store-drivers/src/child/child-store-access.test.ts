import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { AppError } from '@certferry/core';
import { connectDirectly } from '@certferry/outbound';
import { backgroundContext, callContext, withCallContext } from '@certferry/rpc';
import { makeCertificate, temporaryFolder } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { StoreLimits } from '../driver-context.ts';
import { StoreRoots } from '../files/store-roots.ts';
import { LocalStoreAccess } from '../local-store-access.ts';
import type { StoreChange } from '../store-driver.ts';
import { useParser } from '../toy/start-parser.ts';
import { ToyServer } from '../toy/toy-server.ts';
import type { ChildStoreOptions } from './child-store-access.ts';
import { StallingAccess } from './testing/stall-children.ts';

const parser = useParser();
const folder = temporaryFolder('child');
const opened: StallingAccess[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});
const reach = (options: Partial<ChildStoreOptions> = {}): StallingAccess => {
  const access = new StallingAccess({ roots: [folder], parser: parser(), max: 4, graceMs: 300, ...options });
  opened.push(access);
  return access;
};
const der = (name: string) => ({ id: name, kind: 'der', config: { certificatePath: join(folder, `${name}.der`) } });
const limits = (given: Partial<StoreLimits> = {}): StoreLimits => ({
  signal: new AbortController().signal,
  deadline: new Date(Date.now() + 60_000),
  ...given,
});
const addition = async (): Promise<StoreChange> => {
  const { der: certificate } = await makeCertificate({ commonName: 'child.example.com' });
  const { fingerprintSha256 } = readCertificate(certificate);
  return { action: 'add', alias: '', overwrite: false, fingerprintSha256, certificate, chain: [] };
};
const visit = async (access: StallingAccess, name: string) => {
  const store = await access.open(der(name), limits());
  const revision = await store.revision();
  await store.close();
  return revision;
};
const lives = (pid: number): boolean => {
  try {
    // A zombie is not gone for the system, but for us.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
};
const hangs = { code: 'DEADLINE_EXCEEDED', reason: 'TARGET_HANGS' };

describe('a store in a child', () => {
  test('answers what it answers here, with types and errors as they are', async () => {
    const access = reach();
    const here = new LocalStoreAccess({ roots: new StoreRoots([folder]), parser: parser(), connect: connectDirectly });
    const store = await access.open(der('same'), limits());
    const prepared = await store.prepare(await addition());
    expect(prepared).toMatchObject({
      oldRevision: await store.revision(),
      newRevision: expect.any(String),
      changes: [expect.objectContaining({ operation: 'create' })],
      held: undefined,
      removesKey: false,
      write: expect.any(Function),
    });
    expect(await store.places!()).toEqual([`file:${join(folder, 'same.der')}`]);
    await prepared.write();
    expect(await store.revision()).toBe(prepared.newRevision);
    const local = await here.open(der('same'), limits());
    expect(await store.entries()).toStrictEqual(
      JSON.parse(JSON.stringify(await store.entries())) && (await local.entries()),
    );
    expect((await store.entries())[0]!.facts.notAfter).toBeInstanceOf(Date);
    const refusal = await store.prepare(await addition()).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(AppError);
    expect(refusal).toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'ALIAS_EXISTS' });
    await store.close();
    await store.close();
    await expect(access.open({ ...der('x'), kind: 'cobol' }, limits())).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'UNKNOWN_STORE_KIND',
      details: { kind: 'cobol' },
    });
  });

  test('is opened by a process that is used again, and ends when there is nothing to do', async () => {
    const access = reach({ idleMs: 300, keep: 1 });
    for (let i = 0; i < 5; i++) await visit(access, `again-${i}`);
    expect(access.pids).toHaveLength(1);
    const stores = await Promise.all(['a', 'b', 'c'].map((name) => access.open(der(name), limits())));
    expect(access.counts).toMatchObject({ busy: 3, idle: 0 });
    for (const store of stores) await store.close();
    await vi.waitFor(() => expect(access.counts).toEqual({ starting: 0, busy: 0, idle: 1, abandoned: 0 }), 5_000);
  });

  test('has its secrets from a message: not in arguments, not in the environment', async () => {
    const access = reach();
    const server = new ToyServer();
    const config = { ...(await server.start()), token: 'canary-token-77' };
    const store = await access.open({ id: 'toy', kind: 'toy', config }, limits());
    expect(await store.entries()).toEqual([]);
    const [pid] = access.pids;
    for (const file of ['cmdline', 'environ'])
      expect(readFileSync(`/proc/${pid}/${file}`, 'utf8')).not.toMatch(/canary|CERTFERRY/);
    await store.close();
    await server.stop();
  });

  test('asks the parser for who opened it, not for who opened the first', async () => {
    const asked: string[] = [];
    const watched = {
      ...parser(),
      inspect: (...request: Parameters<ReturnType<typeof parser>['inspect']>) => {
        asked.push(callContext().requestId);
        return parser().inspect(...request);
      },
    };
    const access = reach({ parser: watched });
    const store = await access.open(der('asked'), limits());
    await (await store.prepare(await addition())).write();
    await store.close();
    asked.length = 0;
    for (const requestId of ['first', 'second'])
      await withCallContext(backgroundContext({ principal: { id: 'ops' }, requestId }), async () => {
        const again = await access.open(der('asked'), limits());
        await again.entries();
        await again.close();
      });
    expect([...new Set(asked)]).toEqual(['first', 'second']);
    expect(access.pids).toHaveLength(1);
  });
});

describe('a child', () => {
  test('that dies takes its visit with it, to be tried again, and no other', async () => {
    const access = reach();
    const [one, other] = await Promise.all([access.open(der('one'), limits()), access.open(der('other'), limits())]);
    const proceed = await access.stall();
    const asked = one.revision();
    const [first] = access.pids;
    const owner = access.pids.length;
    expect(owner).toBe(2);
    process.kill(first!, 'SIGKILL');
    const died = { code: 'UNAVAILABLE', reason: 'STORE_PROCESS_ENDED' };
    const outcomes = [asked, other.revision()].map((call) => call.catch((error: unknown) => error));
    await proceed();
    const said = await Promise.all(outcomes);
    expect(said.filter((outcome) => outcome instanceof AppError)).toEqual([expect.objectContaining(died)]);
    await one.close().catch(() => undefined);
    await other.close().catch(() => undefined);
    expect(await visit(access, 'one')).toEqual(expect.any(String));
  });

  test('that does not answer is killed, its visit rejects in time, and others are not delayed', async () => {
    const access = reach({ answerMs: 3_000 });
    const stuck = await access.open(der('stuck'), limits());
    const pid = access.pids[0]!;
    // In another one, which is there from now on.
    await visit(access, 'healthy');
    process.kill(pid, 'SIGSTOP');
    const began = performance.now();
    const asked = expect(stuck.entries()).rejects.toMatchObject(hangs);
    expect(await visit(access, 'healthy')).toEqual(expect.any(String));
    await asked;
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(lives(pid)).toBe(false);
    await expect(stuck.revision()).rejects.toMatchObject(hangs);
    await stuck.close();
  });

  test('whose files hang is over at the deadline of its visit, also when nobody asks it then', async () => {
    const access = reach();
    await visit(access, 'warm');
    const store = await access.open(der('late'), limits({ deadline: new Date(Date.now() + 1_500) }));
    const [pid] = access.pids;
    const proceed = await access.stall();
    await expect(store.revision()).rejects.toMatchObject(hangs);
    await store.close();
    await vi.waitFor(() => expect(lives(pid!)).toBe(false), 2_000);
    await proceed();
    await visit(access, 'warm');
    const idle = await access.open(der('late'), limits({ deadline: new Date(Date.now() + 1_000) }));
    const [second] = access.pids;
    await vi.waitFor(() => expect(lives(second!)).toBe(false), 4_000);
    await expect(idle.revision()).rejects.toMatchObject(hangs);
    await idle.close();
  });

  test('that was stopped in a write is gone, or has said that it stopped, before the visit rejects', async () => {
    const access = reach();
    const stop = new AbortController();
    const store = await access.open(der('stopped'), limits({ signal: stop.signal }));
    const [pid] = access.pids;
    const { write } = await store.prepare(await addition());
    process.kill(pid!, 'SIGSTOP');
    const writing = write();
    stop.abort();
    await expect(writing).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(lives(pid!)).toBe(false);
    expect(existsSync(join(folder, 'stopped.der'))).toBe(false);
    await store.close();
  });

  test('that cannot be killed is abandoned and counted, and its store is not opened until it is gone', async () => {
    const unkillable = new Set<number>();
    const kill: NonNullable<ChildStoreOptions['child']>['kill'] = (child) =>
      unkillable.has(child.pid!) || child.kill('SIGKILL');
    const access = reach({ answerMs: 3_000, child: { kill } });
    const store = await access.open(der('dead'), limits());
    const [pid] = access.pids;
    unkillable.add(pid!);
    process.kill(pid!, 'SIGSTOP');
    await expect(store.revision()).rejects.toMatchObject(hangs);
    await store.close();
    expect(access.counts).toMatchObject({ busy: 0, idle: 0, abandoned: 1 });
    await expect(access.open(der('dead'), limits())).rejects.toMatchObject(hangs);
    expect(await visit(access, 'alive')).toEqual(expect.any(String));
    process.kill(pid!, 'SIGKILL');
    await vi.waitFor(() => expect(access.counts.abandoned).toBe(0), 2_000);
    expect(await visit(access, 'dead')).toEqual(expect.any(String));
  });

  test('more than there may be are waited for, as long as the visit has', async () => {
    const access = reach({ max: 1 });
    const held = await access.open(der('held'), limits());
    const short = limits({ deadline: new Date(Date.now() + 300) });
    await expect(access.open(der('b'), short)).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'STORES_BUSY' });
    const left = new AbortController();
    const leaving = access.open(der('b'), limits({ signal: left.signal }));
    left.abort();
    await expect(leaving).rejects.toMatchObject({ code: 'CANCELLED' });
    const waiting = visit(access, 'b');
    await held.close();
    expect(await waiting).toEqual(expect.any(String));
    expect(access.pids).toHaveLength(1);
  });

  test('that cannot be started refuses those who wait, one each', async () => {
    const access = reach({ child: { main: new URL('./no-such-file.ts', import.meta.url) } });
    const refused = { code: 'UNAVAILABLE', reason: 'STORE_PROCESS_NOT_STARTED' };
    await expect(access.open(der('a'), limits())).rejects.toMatchObject(refused);
    expect(access.pids).toEqual([]);
  });

  test('ends with its access, whatever hangs', async () => {
    const access = reach();
    const store = await access.open(der('closing'), limits());
    await access.stall();
    const { pids } = access;
    const asked = expect(store.revision()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await access.close();
    await asked;
    expect(pids.filter(lives)).toEqual([]);
    await expect(access.open(der('closing'), limits())).rejects.toMatchObject({ reason: 'STORES_STOPPED' });
  });
});

describe('a parent', () => {
  /** A process that holds a store open; answers itself and its child. */
  const startParent = async (settings: object) => {
    const program = `
      import { ChildStoreAccess } from ${JSON.stringify(new URL('./child-store-access.ts', import.meta.url).href)};
      const access = new ChildStoreAccess({ roots: [${JSON.stringify(tmpdir())}], parser: {}, max: 1, ...${JSON.stringify(settings)} });
      const limits = { signal: new AbortController().signal, deadline: new Date(Date.now() + 60_000) };
      const store = await access.open(${JSON.stringify(der('parent'))}, limits);
      await store.revision();
      console.log(access.pids[0]);
      setInterval(() => undefined, 1_000);`;
    const file = join(temporaryFolder('parent'), 'parent.mjs');
    execFileSync('/bin/sh', ['-c', 'cat > "$0"', file], { input: program });
    const parent = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    return { parent, child: Number(line) };
  };

  test('that is killed leaves no child', async () => {
    const { parent, child } = await startParent({});
    expect(lives(child)).toBe(true);
    parent.kill('SIGKILL');
    await vi.waitFor(() => expect(lives(child)).toBe(false), 2_000);
  });

  test('that is paused has no child when its leases run out', async () => {
    const { parent, child } = await startParent({ silentMs: 1_500 });
    process.kill(parent.pid!, 'SIGSTOP');
    try {
      await vi.waitFor(() => expect(lives(child)).toBe(false), 5_000);
    } finally {
      parent.kill('SIGKILL');
    }
  });
});
