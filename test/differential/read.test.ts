import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openContainer } from '../../libs/parser/src/open-container.ts';
import { hasTools, makeMaterial, nssDatabase, run, written, type Material } from './material.ts';

const PASSWORDS = ['changeit', 'pässwörd€', 'ключ 🔑'] as const;

/** Every way under the first password, the first two (which encode passwords differently) under all: the tools write 600,000 iterations. */
const combine = <T>(ways: readonly T[]): [string, T][] =>
  PASSWORDS.flatMap((password, i) => (i === 0 ? ways : ways.slice(0, 2)).map((way): [string, T] => [password, way]));

let material: Material;
beforeAll(async () => void (material = await makeMaterial()));

/** The key, its certificate under its name, and the two issuers, in whatever order the writer has them. */
function expectWhole(content: Uint8Array, password: string, issuers = 2): void {
  const container = openContainer(content, { password });
  expect(container.failures).toEqual([]);
  const fingerprints = container.certificates.map(({ facts }) => facts.fingerprintSha256);
  expect(fingerprints.toSorted()).toEqual(material.fingerprints.slice(0, 1 + issuers).toSorted());
  expect(container.keys.length).toBe(1);
  expect(Buffer.from(container.keys[0]!.key.pkcs8)).toEqual(material.privateKey);
  const [chain] = container.chains;
  expect(chain!.certificates.map((position) => fingerprints[position])).toEqual(
    material.fingerprints.slice(0, 1 + issuers),
  );
  expect(container.certificates[chain!.certificates[0]!]).toMatchObject({ alias: 'web', key: 0 });
  expect(() => openContainer(content, { password: `${password}x` })).toThrow(/password does not open/);
}

describe.skipIf(!hasTools)('PKCS#12 that OpenSSL writes', () => {
  const ENCRYPTION = [
    ['-keypbe', 'AES-256-CBC', '-certpbe', 'AES-256-CBC'],
    ['-keypbe', 'AES-128-CBC', '-certpbe', 'CAMELLIA-192-CBC'],
    ['-keypbe', 'DES-EDE3-CBC', '-certpbe', 'ARIA-256-CBC'],
    ['-keypbe', 'PBE-SHA1-3DES', '-certpbe', 'PBE-SHA1-3DES'],
    ['-keypbe', 'PBE-SHA1-2DES', '-certpbe', 'PBE-SHA1-RC2-40', '-legacy'],
    ['-keypbe', 'PBE-SHA1-RC2-128', '-certpbe', 'PBE-SHA1-RC4-40', '-legacy'],
    ['-keypbe', 'PBE-SHA1-RC4-128', '-certpbe', 'PBE-SHA1-RC4-128', '-legacy'],
    ['-keypbe', 'PBE-MD5-DES', '-certpbe', 'PBE-SHA1-DES', '-legacy'],
    ['-keypbe', 'AES-256-CBC', '-certpbe', 'NONE'],
    ...['sha1', 'sha224', 'sha256', 'sha384', 'sha512'].map((digest) => ['-macalg', digest]),
  ];
  const cases = PASSWORDS.flatMap((password) => ENCRYPTION.map((options) => [password, options] as const));

  test.each(cases)('password %s, %j', (password, options) => {
    const out = join(material.folder, 'openssl.p12');
    const { key, leaf, issuers } = material;
    const args = ['pkcs12', '-export', '-inkey', key, '-in', leaf, '-certfile', issuers, '-name', 'web', '-out', out];
    expectWhole(written(out, 'openssl', ...args, '-passout', `pass:${password}`, ...options), password);
  });

  test('without a MAC, and with an empty password', () => {
    const out = join(material.folder, 'openssl.p12');
    const { key, leaf, issuers } = material;
    const args = ['pkcs12', '-export', '-inkey', key, '-in', leaf, '-certfile', issuers, '-name', 'web', '-out', out];
    expectWhole(written(out, 'openssl', ...args, '-nomac', '-passout', 'pass:changeit'), 'changeit');
    expectWhole(written(out, 'openssl', ...args, '-passout', 'pass:'), '');
  });
});

describe.skipIf(!hasTools)('PKCS#12 that GnuTLS’s certtool writes', () => {
  const ciphers = ['3des-pkcs12', 'aes-256', '3des', 'aes-128', 'aes-192', 'rc2-40', 'arcfour'];
  test.each(combine(ciphers))('password %s, %s', (password, cipher) => {
    const out = join(material.folder, 'certtool.p12');
    const { key, leaf, issuers } = material;
    const load = ['--load-privkey', key, '--load-certificate', leaf, '--load-ca-certificate', issuers];
    const args = ['--to-p12', ...load, '--p12-name', 'web', '--password', password, '--pkcs-cipher', cipher];
    expectWhole(written(out, 'certtool', ...args, '--outder', '--outfile', out), password, 1);
  });
});

describe.skipIf(!hasTools)('PKCS#12 that NSS’s pk12util writes', () => {
  const PKCS12 = 'PKCS #12 V2 PBE With SHA-1 And';
  const PKCS5 = 'PKCS #5 Password Based Encryption with';
  const ENCRYPTION = [
    ['AES-256-CBC', 'AES-128-CBC', 'SHA-256'],
    [`${PKCS12} 3KEY Triple DES-CBC`, `${PKCS12} 40 Bit RC2 CBC`, 'SHA-1'],
    ['AES-128-CBC', 'AES-192-CBC', 'SHA-1'],
    [`${PKCS12} 128 Bit RC4`, `${PKCS12} 40 Bit RC4`, 'SHA-512'],
    ['CAMELLIA-256-CBC', 'CAMELLIA-128-CBC', 'SHA-384'],
    ['RC2-CBC', 'DES-EDE3-CBC', 'SHA-224'],
    [`${PKCS5} MD5 and DES-CBC`, `${PKCS5} SHA-1 and DES-CBC`, 'SHA-1'],
  ] as const;
  let database = '';
  beforeAll(() => {
    const out = join(material.folder, 'for-nss.p12');
    const { key, leaf, issuers } = material;
    const files = ['-inkey', key, '-in', leaf, '-certfile', issuers, '-name', 'web', '-out', out];
    run('openssl', 'pkcs12', '-export', ...files, '-passout', 'pass:changeit');
    database = nssDatabase(out, 'changeit');
  });

  test.each(combine(ENCRYPTION))('password %s, %j', (password, [keyCipher, certificateCipher, mac]) => {
    const out = join(material.folder, 'nss.p12');
    const ciphers = ['-c', keyCipher, '-C', certificateCipher, '-M', mac];
    const args = ['-o', out, '-n', 'web', '-d', database, '-K', '', '-W', password, ...ciphers];
    expectWhole(written(out, 'pk12util', ...args), password);
  });
});

describe.skipIf(!hasTools)('keystores that Java’s keytool writes', () => {
  const types = ['PKCS12', 'JKS', 'JCEKS'];
  // Java only encrypts keys under passwords of ASCII, but for its own JKS.
  const cases = types.flatMap((type) =>
    (type === 'JKS' ? PASSWORDS : [PASSWORDS[0]]).map((one) => [type, one] as const),
  );
  test.each(cases)('%s, password %s', (type, password) => {
    const source = join(material.folder, 'for-java.p12');
    const { key, leaf, issuers } = material;
    const files = ['-inkey', key, '-in', leaf, '-certfile', issuers, '-name', 'web', '-out', source];
    run('openssl', 'pkcs12', '-export', ...files, '-passout', 'pass:changeit');
    const out = join(material.folder, `${type}-${PASSWORDS.indexOf(password)}`);
    const from = ['-srckeystore', source, '-srcstorepass', 'changeit', '-alias', 'web'];
    const to = ['-destkeystore', out, '-deststoretype', type, '-deststorepass', password, '-destkeypass', password];
    expectWhole(written(out, 'keytool', '-importkeystore', '-noprompt', ...from, ...to), password);
  });
});

describe.skipIf(!hasTools)('other forms', () => {
  test.each([
    ['openssl, PEM', ['crl2pkcs7', '-nocrl']],
    ['openssl, DER', ['crl2pkcs7', '-nocrl', '-outform', 'DER']],
  ])('PKCS#7 of %s', (_, args) => {
    const out = join(material.folder, 'chain.p7b');
    const content = written(
      out,
      'openssl',
      ...args,
      '-certfile',
      material.leaf,
      '-certfile',
      material.issuers,
      '-out',
      out,
    );
    const { format, certificates } = openContainer(content, {});
    expect(certificates.map(({ facts }) => facts.fingerprintSha256).toSorted()).toEqual(
      material.fingerprints.toSorted(),
    );
    expect(format).toBe(content[0] === 0x30 ? 'PKCS7' : 'PEM');
  });

  test('PKCS#7 of certtool', () => {
    const out = join(material.folder, 'gnutls.p7b');
    const all = join(material.folder, 'all.pem');
    run('openssl', 'crl2pkcs7', '-nocrl', '-certfile', material.leaf, '-certfile', material.issuers, '-out', all);
    const args = ['--p7-generate', '--load-certificate', material.leaf, '--load-privkey', material.key];
    const content = written(out, 'certtool', ...args, '--infile', material.leaf, '--outder', '--outfile', out);
    expect(openContainer(content, {}).certificates.map(({ facts }) => facts.fingerprintSha256)).toEqual([
      material.fingerprints[0],
    ]);
  });

  const CIPHERS = ['3des-pkcs12', 'aes-256', '3des', 'aes-128', 'aes-192', 'rc2-40', 'arcfour'];
  test.each(combine(CIPHERS))('encrypted PKCS#8 of certtool, password %s, %s', (password, cipher) => {
    const out = join(material.folder, 'gnutls.key');
    const args = ['--to-p8', '--load-privkey', material.key, '--password', password, '--pkcs-cipher', cipher];
    const { keys } = openContainer(written(out, 'certtool', ...args, '--outfile', out), { password });
    expect(Buffer.from(keys[0]!.key.pkcs8)).toEqual(material.privateKey);
  });
});
