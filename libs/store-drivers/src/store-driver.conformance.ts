import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { readCertificate } from '@certferry/x509';
import { describe, expect, test, vi } from 'vitest';
import { checkConfig, secretFields } from './check-config.ts';
import { STOP_MS, StoreBench, type Chain, type SuiteOptions } from './store-bench.ts';
import type { StoreChange, StoreDriver } from './store-driver.ts';

const fingerprint = ({ leaf }: Chain): string => readCertificate(leaf.der).fingerprintSha256;

/** Proves one thing of a driver with one new store; throws what is wrong. */
export type Rule = (bench: StoreBench) => Promise<void>;

/** What every store driver does, whatever it writes to. */
export const STORE_RULES: Record<string, Rule> = {
  'starts empty, adds with key and chain, and reads it back': async (bench) => {
    const { one, alias, keptIssuers } = bench;
    const store = await bench.open();
    expect(await store.entries()).toEqual([]);
    const prepared = await store.prepare(bench.add(one));
    expect(prepared.changes.length).toBeGreaterThan(0);
    expect(prepared.changes.every((change) => change.operation === 'create')).toBe(true);
    expect(prepared.oldRevision).toBe(await store.revision());
    expect(await store.entries()).toEqual([]);
    await prepared.write();
    const fresh = await bench.open();
    expect(await fresh.revision()).toBe(prepared.newRevision);
    expect(prepared.newRevision).not.toBe(prepared.oldRevision);
    const [entry, ...others] = await fresh.entries();
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      alias,
      hasPrivateKey: true,
      facts: { fingerprintSha256: fingerprint(one), subject: 'CN=one.example.com' },
    });
    expect(Buffer.from(entry!.der)).toEqual(one.leaf.der);
    const issuers = ['CN=Issuer of one.example.com', 'CN=Root of one.example.com'];
    expect(entry!.chain.map((link) => link.facts.subject)).toEqual(issuers.slice(0, keptIssuers));
  },

  'the same again changes nothing and writes nothing': async (bench) => {
    const store = await bench.openFilled();
    const before = await store.revision();
    const again = await store.prepare(bench.add(bench.one));
    expect(again).toMatchObject({ changes: [], oldRevision: before, newRevision: before });
    await again.write();
    expect(await store.revision()).toBe(before);
  },

  'another certificate replaces only when that is allowed': async (bench) => {
    const { one, two } = bench;
    const store = await bench.openFilled();
    const refused = { code: 'FAILED_PRECONDITION', reason: 'ALIAS_EXISTS' };
    await expect(store.prepare(bench.add(two))).rejects.toMatchObject(refused);
    const prepared = await store.prepare(bench.add(two, { overwrite: true }));
    expect(prepared.changes[0]).toMatchObject({ operation: 'replace', oldFingerprintSha256: fingerprint(one) });
    await prepared.write();
    expect((await store.entries()).map((entry) => entry.facts.subject)).toEqual(['CN=two.example.com']);
  },

  'what a place holds is told, and whether its key would go': async (bench) => {
    const { one, two } = bench;
    const empty = await bench.open();
    expect(await empty.prepare(bench.add(one))).toMatchObject({ held: undefined, removesKey: false });
    const store = await bench.openFilled();
    const withKey = { facts: { fingerprintSha256: fingerprint(one) }, hasPrivateKey: true };
    const renewed = await store.prepare(bench.add(two, { overwrite: true }));
    expect(renewed).toMatchObject({ held: withKey, removesKey: false });
    expect(await store.prepare(bench.remove(one))).toMatchObject({ held: withKey, removesKey: false });
    const keyless = { ...bench.add(two, { overwrite: true }), privateKey: undefined };
    // A store that has a place for nothing but a key cannot do without one.
    const prepared: unknown = await store.prepare(keyless).catch((error: unknown) => error);
    if (prepared instanceof Error) return expect(prepared).toMatchObject({ reason: 'NO_PRIVATE_KEY' });
    expect(prepared).toMatchObject({ held: withKey, removesKey: true });
  },

  'removes what it is asked to and nothing else; what is absent needs no change': async (bench) => {
    const { one, two, alias } = bench;
    const store = await bench.openFilled();
    const thumbprint = (of: Chain) => readCertificate(of.leaf.der).thumbprint;
    const another = { reason: 'ANOTHER_CERTIFICATE' };
    await expect(store.prepare(bench.remove(two))).rejects.toMatchObject(another);
    const byThumbprint = (of: Chain): StoreChange => ({ action: 'remove', alias, thumbprint: thumbprint(of) });
    await expect(store.prepare(byThumbprint(two))).rejects.toMatchObject(another);
    expect((await store.prepare(byThumbprint(one))).changes.length).toBeGreaterThan(0);
    const prepared = await store.prepare(bench.remove(one));
    await prepared.write();
    expect(await store.revision()).toBe(prepared.newRevision);
    expect(await store.entries()).toEqual([]);
    expect((await store.prepare(bench.remove(one))).changes).toEqual([]);
    await (await store.prepare(bench.add(two))).write();
    await (await store.prepare({ action: 'remove', alias })).write();
    expect(await store.entries()).toEqual([]);
  },

  'other entries stay as they are': async (bench) => {
    const { driver, one, two } = bench;
    if (driver.alias === 'none') return;
    const store = await bench.open();
    await (await store.prepare(bench.add(one, { alias: 'other' }))).write();
    const [other] = await store.entries();
    await (await store.prepare(bench.add(two))).write();
    expect(await store.entries()).toContainEqual(other);
    await (await store.prepare(bench.remove(two))).write();
    expect(await store.entries()).toEqual([other]);
  },

  'a store that changed after the plan is left alone': async (bench) => {
    const changed = { code: 'ABORTED', reason: 'STORE_CHANGED' };
    for (const change of [
      async () => await (await (await bench.open()).prepare(bench.add(bench.two, { overwrite: true }))).write(),
      async () => await bench.under.foreignWrite(),
    ]) {
      const store = await bench.open();
      const prepared = await store.prepare(bench.add(bench.one, { overwrite: true }));
      await change();
      const before = await store.revision();
      expect(before).not.toBe(prepared.oldRevision);
      await expect(prepared.write()).rejects.toMatchObject(changed);
      expect(await store.revision()).toBe(before);
    }
  },

  'what a place held is put back as it was, and nothing else': async (bench) => {
    const { driver, one, two, alias } = bench;
    const store = await bench.open();
    const [nothing, empty] = [await store.snapshot(alias), await store.revision()];
    if (!nothing) return;
    await (await store.prepare(bench.add(one))).write();
    const [held, before] = [(await store.snapshot(alias))!, await store.revision()];
    const entries = await store.entries();
    await (await store.prepare(bench.add(two, { overwrite: true }))).write();
    const back = await (await bench.open()).prepareRestore(alias, held);
    expect(back.newRevision).toBe(before);
    const fingerprints = { oldFingerprintSha256: fingerprint(two), newFingerprintSha256: fingerprint(one) };
    expect(back.changes[0]).toMatchObject({ operation: 'replace', ...fingerprints });
    await back.write();
    expect(await store.revision()).toBe(before);
    expect(await store.entries()).toEqual(entries);
    expect((await store.prepareRestore(alias, held)).changes).toEqual([]);
    await (await store.prepareRestore(alias, nothing)).write();
    expect(await store.revision()).toBe(empty);
    expect(await store.entries()).toEqual([]);
    if (driver.alias === 'none') return;
    await (await store.prepare(bench.add(two, { alias: 'other' }))).write();
    const [other] = await store.entries();
    const late = await store.prepareRestore(alias, held);
    await late.write();
    expect(await store.revision()).toBe(late.newRevision);
    expect(await store.entries()).toEqual(expect.arrayContaining([other, ...entries]));
    await (await store.prepareRestore(alias, nothing)).write();
    expect(await store.entries()).toEqual([other]);
  },

  'what cannot be read is not empty': async (bench) => {
    await bench.openFilled();
    await bench.under.spoil();
    const error: unknown = await (await bench.open()).entries().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toMatchObject({ code: 'INTERNAL' });
  },

  'can be tried and cleaned up without a change': async (bench) => {
    const empty = await bench.open();
    const nothing = await empty.revision();
    await empty.tryWriting();
    await empty.cleanUp();
    expect(await empty.revision()).toBe(nothing);
    const store = await bench.openFilled();
    const before = await store.revision();
    await store.tryWriting();
    await store.cleanUp();
    expect(await store.revision()).toBe(before);
  },

  'what is opened is closed': async (bench) => {
    const store = await bench.openFilled();
    await store.entries();
    await store.close();
    await store.close();
    await vi.waitFor(() => expect(bench.sockets.filter((socket) => !socket.destroyed)).toEqual([]), STOP_MS);
  },

  'an aborted signal stops it': async (bench) => {
    const store = await bench.openFilled();
    const before = await store.revision();
    const early = AbortSignal.abort();
    const cancelled = { code: 'CANCELLED', reason: 'CANCELLED' };
    const connections = bench.sockets.length;
    await expect(bench.open({ signal: early }).then((opened) => opened.entries())).rejects.toMatchObject(cancelled);
    expect(bench.sockets.length).toBe(connections);
    const outcomes = await bench.stopEach((afterMs) => {
      const stop = new AbortController();
      setTimeout(() => stop.abort(), afterMs);
      return { signal: stop.signal };
    });
    expect(outcomes).toEqual(outcomes.map(() => expect.objectContaining(cancelled)));
    await expectWhole(bench, before);
  },

  'a deadline that passed stops it': async (bench) => {
    const store = await bench.openFilled();
    const before = await store.revision();
    const late = { code: 'DEADLINE_EXCEEDED', reason: 'TARGET_HANGS' };
    const past = bench.open({ deadline: new Date(Date.now() - 1) });
    await expect(past.then((opened) => opened.entries())).rejects.toMatchObject(late);
    const outcomes = await bench.stopEach((afterMs) => ({ deadline: new Date(Date.now() + afterMs) }));
    expect(outcomes).toEqual(outcomes.map(() => expect.objectContaining(late)));
    await expectWhole(bench, before);
  },

  'connects by its context only': async (bench) => {
    const connect = Socket.prototype.connect;
    const strays: unknown[] = [];
    const spy = vi.spyOn(Socket.prototype, 'connect').mockImplementation(function (this: Socket, ...to: any[]) {
      if (!bench.byContext.getStore()) strays.push(to);
      return Reflect.apply(connect, this, to) as Socket;
    });
    try {
      const store = await bench.openFilled();
      await store.cleanUp();
      await store.tryWriting();
      await store.entries();
      await (await store.prepare(bench.remove(bench.one))).write();
    } finally {
      spy.mockRestore();
    }
    expect(strays).toEqual([]);
  },

  'shows no secret': async (bench) => {
    const { one, two, under, driver } = bench;
    const store = await bench.openFilled();
    const said = [
      await store.entries(),
      (await store.prepare(bench.add(two, { overwrite: true }))).changes,
      (await store.prepare(bench.remove(one))).changes,
      ...[await store.prepare(bench.add(two)).catch(sayError), await store.prepare(bench.remove(two)).catch(sayError)],
    ];
    for (const field of secretFields(driver).filter((one) => under.config[one] !== undefined))
      expect(JSON.stringify(said)).not.toContain(under.config[field]);
  },

  'refuses unknown and missing fields by name, without their values': async ({ driver, under }) => {
    expect(() => checkConfig(driver, { ...under.config, colour: 'canary' })).toThrow(/colour/);
    expect(() => checkConfig(driver, { ...under.config, colour: 'canary' })).not.toThrow(/canary/);
    expect(() => checkConfig(driver, {})).toThrow(`config of a "${driver.kind}" store has problems`);
  },
};

const sayError = (error: unknown): unknown => (error instanceof Error ? { ...error, message: error.message } : error);

/** What was stopped is over: the store holds what it held or what was to be written, its connections are closed. */
async function expectWhole(bench: StoreBench, before: string): Promise<void> {
  const store = await bench.open();
  await store.cleanUp();
  const planned = await store.prepare(bench.add(bench.two, { overwrite: true }));
  expect([before, planned.newRevision]).toContain(await store.revision());
  await store.close();
  await delay(100);
  const later = await bench.open();
  expect(await later.revision()).toBe(planned.oldRevision);
  await later.close();
}

/** Runs one rule on a new store. */
export async function runRule(rule: Rule, driver: StoreDriver, options: SuiteOptions): Promise<void> {
  const bench = await StoreBench.start(driver, options);
  try {
    await rule(bench);
  } finally {
    await bench.end();
  }
}

/** Tests a driver; `rules` are more than every store's. */
export function describeStore(driver: StoreDriver, options: SuiteOptions, rules: Record<string, Rule> = {}): void {
  describe(`store kind ${driver.kind}`, () => {
    for (const [name, rule] of Object.entries({ ...STORE_RULES, ...rules }))
      test(name, () => runRule(rule, driver, options));
  });
}
