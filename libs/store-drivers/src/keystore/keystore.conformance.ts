import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { makeCertificate, makeChain, type TestCertificate } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkConfig } from '../check-config.ts';
import { createDriverContext, type StoreParser } from '../driver-context.ts';
import { setUpFileStore } from '../files/file-store.conformance.ts';
import type { AddChange, OpenStore, PreparedChange, StoreChange, StoreDriver } from '../store-driver.ts';
import { listByKeytool, type KeytoolEntry } from './keytool.ts';

interface Options {
  parser: () => StoreParser;
  configs: ((folder: string) => Record<string, unknown>)[];
}

export const fingerprintOf = ({ der }: TestCertificate): string => readCertificate(der).fingerprintSha256;

/** A store of a new folder, and what its config points to. */
export async function openKeystore(
  driver: StoreDriver,
  config: (folder: string) => Record<string, unknown>,
  parser: StoreParser,
): Promise<{ store: OpenStore; path: string; password: string; reopen: typeof openAgain }> {
  const under = setUpFileStore(config, parser);
  const openAgain = async (more: Record<string, unknown> = {}): Promise<OpenStore> => {
    const limits = { signal: new AbortController().signal, deadline: new Date(Date.now() + 600_000) };
    const { context } = createDriverContext(under.host, randomUUID(), limits);
    return await driver.open(checkConfig(driver, { ...under.config, ...more }), context);
  };
  const { path, password } = under.config as { path: string; password: string };
  return { store: await openAgain(), path, password, reopen: openAgain };
}

/** A change that puts a certificate with its key and its chain; without issuers and key a trusted one. */
export const put = (
  alias: string,
  leaf: TestCertificate,
  { issuers, ...more }: Partial<AddChange> & { issuers?: TestCertificate[] } = {},
): AddChange => ({
  action: 'add',
  alias,
  overwrite: true,
  fingerprintSha256: fingerprintOf(leaf),
  certificate: leaf.der,
  chain: (issuers ?? []).map(({ der }) => der),
  ...(issuers && { privateKey: leaf.keyDer }),
  ...more,
});

export async function make(store: OpenStore, change: StoreChange): Promise<PreparedChange> {
  const prepared = await store.prepare(change);
  await prepared.write();
  expect(await store.revision()).toBe(prepared.newRevision);
  return prepared;
}

/** Entries as keytool shows them. */
export const shown = async (store: OpenStore): Promise<KeytoolEntry[]> =>
  (await store.entries())
    .map(({ alias, hasPrivateKey, facts, chain }) => ({
      alias: alias.toLowerCase(),
      hasPrivateKey,
      fingerprints: [facts, ...chain.map((one) => one.facts)].map((one) => one.fingerprintSha256),
    }))
    .toSorted((a, b) => (a.alias < b.alias ? -1 : 1));

/** What every kind of keystore does, besides what every file store does. keytool is the judge. */
export function describeKeystore(driver: StoreDriver, { parser, configs }: Options): void {
  describe.each(configs.map((config, number) => ({ config, number })))(
    `a keystore of kind $number of ${driver.kind}, as keytool lists it`,
    { timeout: 120_000 },
    ({ config }) => {
      let root: TestCertificate;
      let sub: TestCertificate;
      let leaves: TestCertificate[];
      beforeAll(async () => {
        const chain = await makeChain('one.example.com');
        [root, sub] = [chain.root, chain.intermediate];
        leaves = [chain.leaf, await makeCertificate({ commonName: 'two.example.com', issuer: sub })];
      });

      test('a trusted CA and the same CA in a chain are two things: one goes, the other stays', async () => {
        for (const order of [
          ['sub', 'web'],
          ['web', 'sub'],
        ]) {
          const { store, path, password } = await openKeystore(driver, config, parser());
          const changes = { sub: put('sub', sub), web: put('web', leaves[0]!, { issuers: [sub, root] }) };
          for (const alias of order) await make(store, changes[alias as 'sub' | 'web']);
          await make(store, { action: 'remove', alias: 'sub' });
          const web = { alias: 'web', hasPrivateKey: true, fingerprints: [leaves[0]!, sub, root].map(fingerprintOf) };
          expect(await shown(store)).toEqual([web]);
          expect(listByKeytool(path, password)).toEqual([web]);
          await make(store, changes.sub);
          await make(store, { action: 'remove', alias: 'web' });
          const trusted = { alias: 'sub', hasPrivateKey: false, fingerprints: [fingerprintOf(sub)] };
          expect(await shown(store)).toEqual([trusted]);
          expect(listByKeytool(path, password)).toEqual([trusted]);
        }
      });

      test('after any adds, replacements and removals it holds what a list of them would', async () => {
        const alias = fc.constantFrom('a', 'b', 'CA', 'sub');
        const operation = fc.record({
          alias,
          what: fc.constantFrom('leaf 0', 'leaf 1', 'own CA', 'sub', 'root', 'remove'),
        });
        const toChange = ({ alias: name, what }: { alias: string; what: string }): StoreChange => {
          if (what === 'remove') return { action: 'remove', alias: name };
          if (what === 'sub' || what === 'root') return put(name, what === 'sub' ? sub : root);
          if (what === 'own CA') return put(name, sub, { issuers: [root] });
          return put(name, leaves[Number(what.at(-1))]!, { issuers: [sub, root] });
        };
        const property = fc.asyncProperty(fc.array(operation, { minLength: 3, maxLength: 12 }), async (operations) => {
          const { store, path, password } = await openKeystore(driver, config, parser());
          const model = new Map<string, KeytoolEntry>();
          for (const one of operations) {
            const change = toChange(one);
            await make(store, change);
            const key = one.alias.toLowerCase();
            model.delete(key);
            if (change.action === 'add') {
              const certificates = [change.certificate, ...change.chain];
              const fingerprints = certificates.map((der) => readCertificate(der).fingerprintSha256);
              model.set(key, { alias: key, hasPrivateKey: change.privateKey !== undefined, fingerprints });
            }
            const expected = [...model.values()].toSorted((a, b) => (a.alias < b.alias ? -1 : 1));
            expect(await shown(store)).toEqual(expected);
          }
          const listed = (await store.entries()).length === 0 ? [] : listByKeytool(path, password);
          expect(listed).toEqual(await shown(store));
        });
        await fc.assert(property, { numRuns: 4 });
      });

      test('a change is undone byte for byte with all that came with it; what others did since stays', async () => {
        const { store, path } = await openKeystore(driver, config, parser());
        const web = (leaf: TestCertificate) => put('web', leaf, { issuers: [sub, root] });
        await make(store, web(leaves[0]!));
        const [before, entries] = [readFileSync(path), await shown(store)];
        const kept = (await store.snapshot('web'))!;
        const trusted = [{ alias: 'web-ca', fingerprintSha256: fingerprintOf(sub), certificate: sub.der }];
        await make(store, { ...web(leaves[1]!), trusted });
        const undone = await store.prepareRestore('web', kept, { all: true });
        await undone.write();
        expect(readFileSync(path)).toEqual(before);
        expect(await store.revision()).toBe(undone.newRevision);
        await make(store, { ...web(leaves[1]!), trusted });
        const others = (await shown(store)).filter(({ alias }) => alias !== 'web');
        expect(others).toHaveLength(1);
        const back = await store.prepareRestore('web', kept);
        const [held, wanted] = [fingerprintOf(leaves[1]!), fingerprintOf(leaves[0]!)];
        expect(back.held?.facts.fingerprintSha256).toBe(held);
        expect(back.changes).toMatchObject([{ oldFingerprintSha256: held, newFingerprintSha256: wanted }]);
        await back.write();
        expect(await shown(store)).toEqual([...entries, ...others]);
        // With its key: what it was deployed with is as asked again.
        expect((await store.prepare(web(leaves[0]!))).changes).toEqual([]);
      });

      test('an entry, and the trusted certificates that come with it, are one change', async () => {
        const { store, path, password } = await openKeystore(driver, config, parser());
        const trusted = [
          { alias: 'web-ca1', fingerprintSha256: fingerprintOf(sub), certificate: sub.der },
          { alias: 'web-ca2', fingerprintSha256: fingerprintOf(root), certificate: root.der },
        ];
        await make(store, put('web-ca2', leaves[1]!));
        const before = await store.revision();
        const change = put('web', leaves[0]!, { issuers: [sub, root], trusted, overwrite: false });
        await expect(store.prepare(change)).rejects.toMatchObject({ reason: 'ALIAS_EXISTS' });
        expect(await store.revision()).toBe(before);
        const { changes } = await make(store, { ...change, overwrite: true });
        expect(changes.map(({ operation }) => operation)).toEqual(['create', 'create', 'replace']);
        expect(listByKeytool(path, password).map(({ alias }) => alias)).toEqual(['web', 'web-ca1', 'web-ca2']);
        expect((await store.prepare(change)).changes).toEqual([]);
      });

      test('a certificate without its key over an entry with one is said to take the key away', async () => {
        const { store } = await openKeystore(driver, config, parser());
        const first = await make(store, put('web', leaves[0]!, { issuers: [sub] }));
        expect(first.removesKey).toBe(false);
        expect(await store.prepare(put('web', leaves[0]!))).toMatchObject({ removesKey: true });
        expect(await store.prepare(put('web', leaves[1]!))).toMatchObject({ removesKey: true });
        expect((await store.prepare(put('web', leaves[1]!, { issuers: [sub] }))).removesKey).toBe(false);
        expect((await store.prepare(put('other', leaves[1]!))).removesKey).toBe(false);
      });

      test('a renewal that says no alias takes the entry of its predecessor, or asks', async () => {
        const { store } = await openKeystore(driver, config, parser());
        const names = ['shop.example.com', 'www.shop.example.com'];
        const newLeaf = (of: string[]) => makeCertificate({ commonName: of[0]!, names: of, issuer: sub });
        const [old, renewed, wider] = [
          await newLeaf(names),
          await newLeaf(names.toReversed()),
          await newLeaf([names[0]!]),
        ];
        const unnamed = (leaf: TestCertificate, more: Partial<AddChange> = {}) =>
          put('shop.example.com', leaf, { issuers: [sub], aliasIsDefault: true, ...more });
        await make(store, put('tomcat', old, { issuers: [sub] }));
        await expect(store.prepare(unnamed(renewed, { overwrite: false }))).rejects.toMatchObject({
          reason: 'ALIAS_EXISTS',
          details: { alias: 'tomcat' },
        });
        await expect(store.prepare(unnamed(wider))).rejects.toMatchObject({
          reason: 'ALIAS_REQUIRED',
          message: expect.stringContaining('"tomcat"') as string,
        });
        expect(await store.prepare(unnamed(wider, { replaces: [fingerprintOf(old)] }))).toMatchObject({
          alias: 'tomcat',
        });
        expect(await make(store, unnamed(renewed))).toMatchObject({ alias: 'tomcat' });
        expect((await store.entries()).map(({ alias }) => alias)).toEqual(['tomcat']);
        expect((await store.prepare(unnamed(renewed))).changes).toEqual([]);
        expect(await make(store, put('two', leaves[1]!, { issuers: [sub], aliasIsDefault: true }))).toMatchObject({
          alias: 'two',
        });
        await make(store, put('second', renewed, { issuers: [sub] }));
        await expect(store.prepare(unnamed(old))).rejects.toMatchObject({ reason: 'ALIAS_REQUIRED' });
        const remove = { action: 'remove', alias: 'shop.example.com', aliasIsDefault: true } as const;
        await expect(store.prepare({ ...remove, fingerprintSha256: fingerprintOf(renewed) })).rejects.toMatchObject({
          reason: 'ALIAS_REQUIRED',
        });
        await make(store, { ...remove, fingerprintSha256: fingerprintOf(leaves[1]!) });
        expect((await store.entries()).map(({ alias }) => alias).toSorted()).toEqual(['second', 'tomcat']);
      });
    },
  );
}
