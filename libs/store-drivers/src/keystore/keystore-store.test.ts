import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeChain, temporaryFolder } from '@certferry/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { jks } from '../jks/jks-driver.ts';
import { pkcs12 } from '../pkcs12/pkcs12-driver.ts';
import type { StoreDriver } from '../store-driver.ts';
import { useParser } from '../toy/start-parser.ts';
import { tryStore } from '../try-store.ts';
import { make, openKeystore, put, shown } from './keystore.conformance.ts';
import { keytool, listByKeytool } from './keytool.ts';

const parser = useParser();
const password = 'changeit';

type Chain = Awaited<ReturnType<typeof makeChain>>;
let one: Chain;
let two: Chain;
beforeAll(async () => {
  [one, two] = [await makeChain('one.example.com'), await makeChain('two.example.com')];
});

const openWith = async (driver: StoreDriver, more: Record<string, unknown> = {}) =>
  await openKeystore(driver, (folder) => ({ path: join(folder, 'keystore'), password, ...more }), parser());
const issuersOf = ({ intermediate, root }: Chain) => ({ issuers: [intermediate, root] });

/** A key entry that keytool itself makes. */
const makeByKeytool = (path: string, alias: string, ...more: string[]) =>
  keytool(
    ...['-genkeypair', '-keyalg', 'EC', '-alias', alias, '-dname', `CN=${alias}`, '-keystore', path],
    ...['-storepass', password, ...more],
  );
/** A key as keytool lets it out, as PEM. */
function keyByKeytool(path: string, alias: string, passwords: string[]): string {
  const out = join(temporaryFolder('out'), 'out.p12');
  const to = ['-destkeystore', out, '-deststorepass', password, '-destkeypass', password, '-deststoretype', 'pkcs12'];
  keytool('-importkeystore', '-srckeystore', path, '-srcalias', alias, ...passwords, ...to);
  const args = ['pkcs12', '-in', out, '-passin', `pass:${password}`, '-nodes', '-nocerts'];
  const said = execFileSync('openssl', args, { stdio: 'pipe' }).toString();
  return said.slice(said.indexOf('-----BEGIN'));
}
const describeByOpenssl = (path: string): string => {
  const args = ['pkcs12', '-in', path, '-passin', `pass:${password}`, '-info', '-noout', '-legacy'];
  return execFileSync('sh', ['-c', 'exec openssl "$@" 2>&1', 'sh', ...args]).toString();
};

// keytool is started often, and takes its time where others run too.
describe('a keystore that others made', { timeout: 120_000 }, () => {
  test('of 3DES and SHA-1 stays so, with its iterations, until the config says otherwise', async () => {
    const { store, path, reopen } = await openWith(pkcs12);
    makeByKeytool(path, 'foreign', '-storetype', 'pkcs12', '-J-Dkeystore.pkcs12.legacy');
    const before = describeByOpenssl(path);
    expect(before).toMatch(/MAC: sha1, Iteration 100000/);
    await make(store, put('web', one.leaf, issuersOf(one)));
    await make(store, put('web', two.leaf, issuersOf(two)));
    const after = describeByOpenssl(path);
    expect(after).toMatch(/MAC: sha1, Iteration 100000/);
    const keys = after.match(/Shrouded Keybag: .*/g)!;
    expect(new Set(keys)).toEqual(new Set(before.match(/Shrouded Keybag: .*/g)));
    expect(keys).toHaveLength(2);
    expect(after).not.toMatch(/PBES2/);
    const modern = await reopen({ encryption: 'modern' });
    const { changes } = await make(modern, put('web', two.leaf, issuersOf(two)));
    expect(changes).toMatchObject([{ operation: 'replace', what: `${path} encryption` }]);
    const anew = describeByOpenssl(path);
    expect(anew).toMatch(/MAC: sha256, Iteration 10000/);
    expect(anew).not.toMatch(/SHA1|SHA1And3|Iteration 50000/);
    expect(listByKeytool(path, password).map(({ alias }) => alias)).toEqual(['foreign', 'web']);
    expect((await modern.prepare(put('web', two.leaf, issuersOf(two)))).changes).toEqual([]);
    const old = await reopen({ encryption: 'legacy' });
    await make(old, put('web', two.leaf, issuersOf(two)));
    expect(describeByOpenssl(path)).not.toMatch(/PBES2/);
    expect(keyByKeytool(path, 'foreign', ['-srcstorepass', password])).toMatch(/PRIVATE KEY/);
  });

  test('by openssl keeps its cipher, its names and the order of its entries', async () => {
    const { store, path } = await openWith(pkcs12);
    const folder = temporaryFolder('pem');
    writeFileSync(join(folder, 'in.pem'), one.leaf.keyPem + one.leaf.pem + one.intermediate.pem);
    const args = ['-in', join(folder, 'in.pem'), '-out', path, '-passout', `pass:${password}`, '-name', 'Tomcat'];
    const how = ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-128-CBC', '-macalg', 'sha384', '-iter', '3000'];
    execFileSync('openssl', ['pkcs12', '-export', ...args, ...how], { stdio: 'pipe' });
    const { changes } = await make(store, put('tomcat', two.leaf, issuersOf(two)));
    expect(changes).toMatchObject([{ operation: 'replace', what: `${path} entry "Tomcat"` }]);
    const after = describeByOpenssl(path);
    expect(after).toMatch(/MAC: sha384, Iteration 3000/);
    expect(after.match(/AES-128-CBC, Iteration 3000/g)).toHaveLength(2);
    expect((await store.entries()).map(({ alias }) => alias)).toEqual(['Tomcat']);
  });

  test('keeps foreign entries byte for byte, also keys with a password of their own', async () => {
    const { store, path } = await openWith(jks, { keyPassword: 'of-the-key' });
    makeByKeytool(path, 'foreign', '-storetype', 'jks', '-keypass', 'another-one');
    makeByKeytool(path, 'plain', '-storetype', 'jks', '-keypass', password);
    const own = ['-srcstorepass', password, '-srckeypass', 'another-one'];
    const key = keyByKeytool(path, 'foreign', own);
    const bytes = readFileSync(path);
    await make(store, put('web', one.leaf, issuersOf(one)));
    // Entries stand between a header of 12 bytes and a digest of 20.
    expect(readFileSync(path).includes(bytes.subarray(12, -20))).toBe(true);
    expect(keyByKeytool(path, 'foreign', own)).toBe(key);
    expect(keyByKeytool(path, 'web', ['-srcstorepass', password, '-srckeypass', 'of-the-key'])).toMatch(/PRIVATE KEY/);
    await expect(store.prepare(put('foreign', one.leaf, issuersOf(one)))).rejects.toMatchObject({
      reason: 'ENTRY_PASSWORD',
      details: { alias: 'foreign' },
    });
    // keytool lays its own down in the order of a hash table.
    const listed = (await store.entries()).map(({ alias, hasPrivateKey }) => [alias, hasPrivateKey] as const);
    expect(listed.toSorted(([a], [b]) => (a < b ? -1 : 1))).toEqual([
      ['foreign', true],
      ['plain', true],
      ['web', true],
    ]);
    expect(keytool('-list', '-keystore', path, '-storepass', password)).toMatch(/Keystore type: JKS/i);
  });

  test('of PKCS#12 behind a .jks name stays PKCS#12', async () => {
    const { store, path } = await openWith(jks);
    makeByKeytool(path, 'foreign');
    await make(store, put('web', one.leaf, issuersOf(one)));
    expect(describeByOpenssl(path)).toMatch(/PBES2/);
    expect(listByKeytool(path, password)).toEqual(await shown(store));
  });

  test('of another type is told by the store test already, with what to do', async () => {
    const { path, reopen } = await openWith(pkcs12);
    makeByKeytool(path, 'web', '-storetype', 'jks');
    const checks = await tryStore('pkcs12', () => reopen());
    expect(checks.at(-1)).toMatchObject({ name: 'read', ok: false });
    expect(checks.at(-1)!.message).toMatch(/is a JKS keystore.*kind jks/);
    const sealed = await openWith(jks);
    makeByKeytool(sealed.path, 'web', '-storetype', 'jceks');
    const refused = await tryStore('jks', () => sealed.reopen());
    expect(refused.at(-1)).toMatchObject({ ok: false });
    expect(refused.at(-1)!.message).toMatch(/JCEKS.*-importkeystore/);
  });
});

describe.each([
  { name: 'PKCS#12', driver: pkcs12, more: {} },
  { name: 'JKS', driver: jks, more: {} },
])('a new password of $name', { timeout: 120_000 }, ({ driver, more }) => {
  test('is given with the next deployment, and opens every key', async () => {
    const { store, path, reopen } = await openWith(driver, more);
    await make(store, put('web', one.leaf, issuersOf(one)));
    await make(store, put('ca', one.root));
    const wrong = await reopen({ password: 'new-password' });
    await expect(wrong.entries()).rejects.toMatchObject({ reason: 'WRONG_PASSWORD' });
    const changed = await reopen({ password: 'new-password', previousPassword: password });
    expect((await changed.entries()).length).toBe(2);
    const same = put('web', one.leaf, issuersOf(one));
    expect((await make(changed, same)).changes).toMatchObject([{ operation: 'replace', what: `${path} password` }]);
    expect((await changed.prepare(same)).changes).toEqual([]);
    expect(() => listByKeytool(path, password)).toThrow();
    expect(listByKeytool(path, 'new-password')).toEqual(await shown(changed));
    expect(keyByKeytool(path, 'web', ['-srcstorepass', 'new-password'])).toMatch(/PRIVATE KEY/);
  });
});
