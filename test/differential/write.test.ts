import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createKeystore,
  encryptPrivateKey,
  writePem,
  writePkcs7,
  writeTraditionalKey,
  type KeystoreType,
} from '@certferry/x509';
import { temporaryFolder } from '@certferry/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { openContainer } from '../../libs/parser/src/open-container.ts';
import { hasTools, makeMaterial, nssDatabase, run, type Material } from './material.ts';

let material: Material;
beforeAll(async () => void (material = await makeMaterial()));

const ASCII = 'changeit';
const PASSWORDS = [ASCII, 'pässwörd€', 'ключ 🔑'];

/** A keystore with a key and its chain, and a trusted certificate. */
function write(type: KeystoreType, password: string): { path: string; content: Uint8Array } {
  const { certificates, privateKey } = material;
  const content = createKeystore({
    type,
    password,
    entries: [
      { alias: 'web', certificates, privateKey },
      { alias: 'root', certificates: certificates.slice(2) },
    ],
  });
  const path = join(temporaryFolder('write'), 'keystore');
  writeFileSync(path, content);
  return { path, content };
}

const fingerprintsIn = (pem: string): string[] =>
  [...pem.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g)].map(([block]) =>
    new X509Certificate(block).fingerprint256.replaceAll(':', '').toLowerCase(),
  );
const keyIn = (pem: string): Buffer =>
  createPrivateKey(/-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----/.exec(pem)![0]).export({
    format: 'der',
    type: 'pkcs8',
  });

const unique = (list: string[]): string[] => [...new Set(list)].toSorted();

describe.skipIf(!hasTools).each(['pkcs12', 'pkcs12-legacy'] as const)('%s that we write', (type) => {
  const legacy = type === 'pkcs12-legacy' ? ['-legacy'] : [];

  test.each(PASSWORDS)('OpenSSL reads it, password %s', (password) => {
    const { path } = write(type, password);
    const pem = run('openssl', 'pkcs12', '-in', path, '-nodes', '-passin', `pass:${password}`, ...legacy);
    expect(unique(fingerprintsIn(pem))).toEqual(unique(material.fingerprints));
    expect(keyIn(pem)).toEqual(material.privateKey);
    expect(() => run('openssl', 'pkcs12', '-in', path, '-nodes', '-passin', 'pass:wrong', ...legacy)).toThrow();
  });

  test.each(PASSWORDS)('certtool reads it, password %s', (password) => {
    const { path } = write(type, password);
    const pem = run('certtool', '--p12-info', '--inder', '--infile', path, '--password', password);
    expect(unique(fingerprintsIn(pem))).toEqual(unique(material.fingerprints));
    expect(pem).toContain('BEGIN');
  });

  test.each(PASSWORDS)('NSS reads it, password %s', (password) => {
    const database = nssDatabase(write(type, password).path, password);
    expect(fingerprintsIn(run('certutil', '-L', '-d', database, '-n', 'web', '-a'))).toEqual([
      material.fingerprints[0],
    ]);
    expect(run('certutil', '-K', '-d', database)).toMatch(/< 0>\s+ec\s+[0-9a-f]{40}\s+web/);
  });

  test('keytool reads it', () => {
    const { path } = write(type, ASCII);
    expectJava(path, 'PKCS12', ASCII);
  });
});

describe.skipIf(!hasTools)('JKS that we write', () => {
  test.each(PASSWORDS)('keytool reads it, password %s', (password) => {
    expectJava(write('jks', password).path, 'JKS', password);
  });

  test('and takes the key out of it', () => {
    const { path } = write('jks', ASCII);
    const out = `${path}.p12`;
    const from = ['-srckeystore', path, '-srcstoretype', 'JKS', '-srcstorepass', ASCII];
    const to = ['-destkeystore', out, '-deststoretype', 'PKCS12', '-deststorepass', ASCII];
    run('keytool', '-importkeystore', '-noprompt', ...from, ...to);
    const pem = run('openssl', 'pkcs12', '-in', out, '-nodes', '-passin', `pass:${ASCII}`);
    expect(keyIn(pem)).toEqual(material.privateKey);
  });

  test('aliases beyond ASCII are Java’s', () => {
    const { certificates } = material;
    const alias = 'über 🔑 \0';
    const content = createKeystore({ type: 'jks', password: ASCII, entries: [{ alias, certificates }] });
    const path = join(temporaryFolder('write'), 'keystore');
    writeFileSync(path, content);
    expect(run('keytool', '-list', '-keystore', path, '-storepass', ASCII)).toContain('über 🔑');
    expect(openContainer(content, { password: ASCII }).certificates[0]!.alias).toBe(alias);
  });
});

/** A key entry with three certificates and a trusted one, as keytool lists them. */
function expectJava(path: string, type: string, password: string): void {
  const list = run('keytool', '-list', '-v', '-keystore', path, '-storetype', type, '-storepass', password);
  expect(list).toMatch(/Your keystore contains 2 entries/);
  expect(list).toMatch(/Alias name: web\n[^]*?Entry type: PrivateKeyEntry\nCertificate chain length: 3/);
  expect(list).toMatch(/Alias name: root\n[^]*?Entry type: trustedCertEntry/);
  const sha256 = [...list.matchAll(/SHA256: (\S+)/g)].map(([, text]) => text!.replaceAll(':', '').toLowerCase());
  expect(unique(sha256)).toEqual(unique(material.fingerprints));
}

describe.skipIf(!hasTools)('other forms that we write', () => {
  test('PKCS#7: OpenSSL and certtool', () => {
    const path = join(temporaryFolder('write'), 'chain.p7b');
    writeFileSync(path, writePkcs7(material.certificates));
    const openssl = run('openssl', 'pkcs7', '-inform', 'DER', '-in', path, '-print_certs');
    expect(unique(fingerprintsIn(openssl))).toEqual(unique(material.fingerprints));
    const gnutls = run('certtool', '--p7-info', '--inder', '--infile', path);
    expect(gnutls).toContain('Number of certificates: 3');
  });

  test.each(PASSWORDS)('an encrypted key: OpenSSL and certtool, password %s', (password) => {
    const path = join(temporaryFolder('write'), 'key.pem');
    const pem = writePem('ENCRYPTED PRIVATE KEY', encryptPrivateKey(material.privateKey, password));
    writeFileSync(path, pem);
    expect(keyIn(run('openssl', 'pkey', '-in', path, '-passin', `pass:${password}`))).toEqual(material.privateKey);
    const gnutls = run('certtool', '--key-info', '--infile', path, '--password', password);
    expect(gnutls).toContain('EC/ECDSA');
  });

  test('a traditional key', () => {
    const path = join(temporaryFolder('write'), 'key.pem');
    writeFileSync(path, writeTraditionalKey(material.privateKey));
    expect(readFileSync(path, 'latin1')).toContain('BEGIN EC PRIVATE KEY');
    expect(keyIn(run('openssl', 'pkcs8', '-topk8', '-nocrypt', '-in', path))).toEqual(material.privateKey);
  });
});

test.each(['pkcs12', 'pkcs12-legacy', 'jks'] as const)('%s: what we write, all of it read', (type) => {
  for (const password of PASSWORDS) {
    const { content } = write(type, password);
    const { certificates, keys, chains } = openContainer(content, { password });
    expect(unique(certificates.map(({ facts }) => facts.fingerprintSha256))).toEqual(unique(material.fingerprints));
    expect(keys.map(({ key }) => Buffer.from(key.pkcs8))).toEqual([material.privateKey]);
    expect(chains[0]!.certificates.length).toBe(3);
    expect(certificates.filter((one) => one.trusted).map((one) => one.alias)).toEqual(['root']);
  }
});
