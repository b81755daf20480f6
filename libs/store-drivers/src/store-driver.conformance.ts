import { randomUUID } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificate } from '@certferry/x509';
import { makeChain, temporaryFolder } from '@certferry/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { checkConfig } from './check-config.ts';
import { connectDirectly } from './connect.ts';
import { createDriverContext, type DriverHost, type StoreParser } from './driver-context.ts';
import { StoreRoots } from './files/store-roots.ts';
import type { StoreChange, StoreDriver } from './store-driver.ts';

const contextOf = (host: DriverHost) =>
  createDriverContext(host, randomUUID(), {
    signal: new AbortController().signal,
    deadline: new Date(Date.now() + 60_000),
  });

type Chain = Awaited<ReturnType<typeof makeChain>>;

/** What every store driver does. `config` gives a config whose files are in the folder. */
export function describeDriver(
  driver: StoreDriver,
  from: {
    parser: () => StoreParser;
    config: (folder: string) => Record<string, unknown>;
    withoutChain?: boolean;
  },
): void {
  describe(`store kind ${driver.kind}`, () => {
    let one: Chain;
    let two: Chain;
    beforeAll(async () => {
      [one, two] = [await makeChain('one.example.com'), await makeChain('two.example.com')];
    });
    const alias = driver.alias === 'none' ? '' : 'web';

    const openNew = async () => {
      const folder = temporaryFolder('store');
      const { context } = contextOf({
        roots: new StoreRoots([folder]),
        parser: from.parser(),
        connect: connectDirectly,
      });
      const config = checkConfig(driver, from.config(folder));
      return { folder, store: await driver.open(config, context), reopen: () => driver.open(config, context) };
    };
    const add = ({ leaf, intermediate, root }: Chain, overwrite = false): StoreChange => {
      const { fingerprintSha256, publicKeySha256 } = readCertificate(leaf.der);
      return {
        action: 'add',
        alias,
        overwrite,
        fingerprintSha256,
        publicKeySha256,
        certificate: leaf.der,
        chain: [intermediate.der, root.der],
        privateKey: leaf.keyDer,
      };
    };
    const remove = ({ leaf }: Chain): StoreChange => ({
      action: 'remove',
      alias,
      fingerprintSha256: readCertificate(leaf.der).fingerprintSha256,
    });

    test('starts empty, adds with key and chain, and says what is there', async () => {
      const { store } = await openNew();
      expect(await store.entries()).toEqual([]);
      const prepared = await store.prepare(add(one));
      expect(prepared.changes.length).toBeGreaterThan(0);
      expect(prepared.changes.every((change) => change.operation === 'create')).toBe(true);
      expect(await store.entries()).toEqual([]);
      await prepared.write();
      expect(await store.revision()).toBe(prepared.newRevision);
      const [entry, ...others] = await store.entries();
      expect(others).toEqual([]);
      expect(entry).toMatchObject({
        alias,
        hasPrivateKey: true,
        facts: { fingerprintSha256: readCertificate(one.leaf.der).fingerprintSha256, subject: 'CN=one.example.com' },
      });
      expect(Buffer.from(entry!.der)).toEqual(one.leaf.der);
      const issuers = from.withoutChain ? [] : ['CN=Issuer of one.example.com', 'CN=Root of one.example.com'];
      expect(entry!.chain.map((link) => link.facts.subject)).toEqual(issuers);
    });

    test('the same again changes nothing', async () => {
      const { store } = await openNew();
      await (await store.prepare(add(one))).write();
      expect((await store.prepare(add(one))).changes).toEqual([]);
    });

    test('another certificate replaces only when that is allowed', async () => {
      const { store } = await openNew();
      await (await store.prepare(add(one))).write();
      await expect(store.prepare(add(two))).rejects.toMatchObject({
        code: 'FAILED_PRECONDITION',
        reason: 'ALIAS_EXISTS',
      });
      const prepared = await store.prepare(add(two, true));
      expect(prepared.changes[0]).toMatchObject({
        operation: 'replace',
        oldFingerprintSha256: readCertificate(one.leaf.der).fingerprintSha256,
      });
      await prepared.write();
      expect((await store.entries())[0]!.facts.subject).toBe('CN=two.example.com');
    });

    test('removes what it is asked to, and nothing else', async () => {
      const { store } = await openNew();
      await (await store.prepare(add(one))).write();
      await expect(store.prepare(remove(two))).rejects.toMatchObject({ reason: 'ANOTHER_CERTIFICATE' });
      await (await store.prepare(remove(one))).write();
      expect(await store.entries()).toEqual([]);
      expect((await store.prepare(remove(one))).changes).toEqual([]);
    });

    test('removes whatever is there, or only what has a thumbprint', async () => {
      const { store } = await openNew();
      await (await store.prepare(add(one))).write();
      const { thumbprint } = readCertificate(one.leaf.der);
      const other = readCertificate(two.leaf.der).thumbprint;
      await expect(store.prepare({ action: 'remove', alias, thumbprint: other })).rejects.toMatchObject({
        reason: 'ANOTHER_CERTIFICATE',
      });
      expect((await store.prepare({ action: 'remove', alias, thumbprint })).changes.length).toBeGreaterThan(0);
      await (await store.prepare({ action: 'remove', alias })).write();
      expect(await store.entries()).toEqual([]);
    });

    test('a store that changed after the plan is left alone', async () => {
      const { store, reopen } = await openNew();
      const prepared = await store.prepare(add(one));
      await (await (await reopen()).prepare(add(two))).write();
      const before = await store.revision();
      await expect(prepared.write()).rejects.toMatchObject({ code: 'ABORTED', reason: 'STORE_CHANGED' });
      expect(await store.revision()).toBe(before);
    });

    test('can be tried without a change, and leaves no temporary files', async () => {
      const { store, folder } = await openNew();
      await store.tryWriting();
      await (await store.prepare(add(one))).write();
      const revision = await store.revision();
      await store.tryWriting();
      await store.cleanUp();
      expect(await store.revision()).toBe(revision);
      const left = readdirSync(folder, { recursive: true })
        .map(String)
        .filter((name) => name.endsWith('.tmp'));
      expect(left).toEqual([]);
    });

    test('keeps out of folders that are not its own', async () => {
      const { context } = contextOf({
        roots: new StoreRoots([temporaryFolder('other')]),
        parser: from.parser(),
        connect: connectDirectly,
      });
      await expect(
        driver.open(checkConfig(driver, from.config(join(temporaryFolder('elsewhere')))), context),
      ).rejects.toMatchObject({ reason: 'PATH_NOT_ALLOWED' });
    });

    test('refuses unknown and missing fields by name, without their values', () => {
      expect(() => checkConfig(driver, { ...from.config('/x'), colour: 'canary' })).toThrow(/colour/);
      expect(() => checkConfig(driver, { ...from.config('/x'), colour: 'canary' })).not.toThrow(/canary/);
      expect(() => checkConfig(driver, {})).toThrow(`config of a "${driver.kind}" store has problems`);
    });
  });
}
