import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, makeChain, temporaryFolder } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { encryptPrivateKey, writePem } from '@certferry/x509';
import { integer, octetString, oid, sequence } from '@certferry/x509/der-writer';
import { openContainer } from '../open-container.ts';
import { pem } from './pem.ts';

const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' }).toString();
const open = (text: string, password?: string) => openContainer(Buffer.from(text), { password });

describe.skipIf(!hasProgram('openssl'))('traditional keys that RFC 1421 headers encrypt', () => {
  const folder = temporaryFolder('traditional');
  const path = join(folder, 'key.pem');

  async function makeKey(cipher: string, ...more: string[]): Promise<{ certificate: string; key: string }> {
    const { pem: certificate, keyPem } = await makeCertificate({ commonName: 'traditional' });
    writeFileSync(path, keyPem);
    const key = openssl('ec', '-in', path, `-${cipher}`, '-passout', 'pass:chängeit', ...more);
    expect(key).toContain('Proc-Type: 4,ENCRYPTED');
    return { certificate, key };
  }

  const legacy = ['-provider', 'legacy', '-provider', 'default'];
  test.each<[string, string[]]>([
    ['aes-128-cbc', []],
    ['aes-192-cbc', []],
    ['aes-256-cbc', []],
    ['aes-256-cfb', []],
    ['aes-256-ctr', []],
    ['camellia-256-cbc', []],
    ['aria-192-cbc', []],
    ['des3', []],
    ['des', legacy],
    ['rc2', legacy],
  ])('%s: the right password opens it, a wrong one keeps nothing of the file', async (cipher, more) => {
    const { certificate, key } = await makeKey(cipher, ...more);
    const { certificates, keys, failures } = open(key + certificate, 'chängeit');
    expect([certificates[0]!.key, keys[0]!.encrypted, failures]).toEqual([0, true, []]);
    for (let i = 0; i < 20; i++)
      expect(() => open(key + certificate, `wrong ${i}`)).toThrow(/^The password does not open the private key\.$/);
    expect(() => open(key + certificate)).toThrow(/is encrypted: send its password/);
  });

  test.each(['bf', 'cast5-cbc', 'seed'])('%s, which is not read, is named', async (cipher) => {
    const { key } = await makeKey(cipher, ...legacy);
    expect(() => open(key, 'chängeit')).toThrow(
      /^The private key uses (BF-CBC|CAST5-CBC|SEED-CBC), which is not supported\.$/,
    );
  });

  test('blanks at line ends, CR LF, CR, and no empty line behind the headers', async () => {
    const { key } = await makeKey('aes-256-cbc');
    const variants = [
      key.replaceAll('\n', ' \n'),
      key.replaceAll('\n', '\t \r\n'),
      key.replaceAll('\n', '\r\n'),
      key.replaceAll('\n', '\r'),
      key.replaceAll('\n', '\n  '),
      key.replace('\n\n', '\n'),
    ];
    for (const variant of variants) expect(open(variant, 'chängeit').keys.length).toBe(1);
  });

  test('headers that make no sense are said', async () => {
    const { key } = await makeKey('aes-256-cbc');
    for (const header of ['DEK-Info: AES-256-CBC,ABCD', 'DEK-Info: AES-256-CBC', 'X: y'])
      expect(() => open(key.replace(/DEK-Info.*/, header), 'chängeit')).toThrow(/Malformed DEK-Info header/);
  });
});

describe.skipIf(!hasProgram('openssl'))('a key is read by its form, whatever its label says', () => {
  const path = join(temporaryFolder('labels'), 'key.pem');
  const relabelled = (text: string, label: string) =>
    text.replace(/-----(BEGIN|END) [A-Z ]*PRIVATE KEY-----/g, `-----$1 ${label}-----`);

  test.each(['rsa', 'ec', 'dsa', 'ed25519'])('%s', (type) => {
    const parameters: Record<string, string[]> = {
      rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
      ec: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
      ed25519: ['-algorithm', 'Ed25519'],
    };
    if (type === 'dsa') {
      writeFileSync(path, openssl('dsaparam', '2048'));
      writeFileSync(path, openssl('gendsa', path));
    } else writeFileSync(path, openssl('genpkey', ...parameters[type]!));
    const plain = openssl('pkey', '-in', path);
    const expected = open(plain).keys[0]!.key;
    const forms = [plain, openssl('pkcs8', '-topk8', '-in', path, '-passout', 'pass:changeit')];
    if (type !== 'ed25519') forms.push(openssl('pkey', '-in', path, '-traditional'));
    for (const form of forms) {
      const encrypted = form === forms[1];
      for (const label of ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'DSA PRIVATE KEY']) {
        const content = relabelled(form, label);
        const { keys, failures } = open(content, 'changeit');
        expect([keys, failures]).toEqual([[{ index: 0, key: expected, encrypted, alias: '' }], []]);
        // What derives a key is for a child process, whatever it is called.
        expect(pem.needsSandbox(Buffer.from(content))).toBe(encrypted);
        if (encrypted) expect(() => open(content, 'wrong')).toThrow(/password does not open/);
      }
    }
    expect(createPrivateKey(plain).asymmetricKeyType).toBe(type);
  });
});

describe.skipIf(!hasProgram('openssl'))('labels of certificates that OpenSSL takes', () => {
  const folder = temporaryFolder('certificate-labels');
  const path = join(folder, 'certificates.pem');

  test('TRUSTED CERTIFICATE: the certificate is read, what it is trusted for is dropped with a notice', async () => {
    const { pem: certificate, keyPem, der } = await makeCertificate({ commonName: 'trusted' });
    writeFileSync(path, certificate);
    const trusted = openssl('x509', '-in', path, '-trustout', '-addtrust', 'serverAuth', '-setalias', 'mine');
    const without = openssl('x509', '-in', path, '-trustout');
    expect(trusted).toContain('-----BEGIN TRUSTED CERTIFICATE-----');
    const container = open(keyPem + trusted + without.replaceAll('TRUSTED CERT', 'X509 CERT'));
    expect(container.certificates.map((one) => [one.index, one.key, Buffer.from(one.der).equals(der)])).toEqual([
      [1, 0, true],
      [2, 0, true],
    ]);
    expect(container.notices).toContain('What OpenSSL trusts certificate 1 for (TRUSTED CERTIFICATE) was dropped.');
    expect(container.failures).toEqual([]);
    expect(open(without).notices).toEqual([]);
  });

  test.each(['CERTIFICATE', 'PKCS7', 'PKCS #7 SIGNED DATA', 'CMS'])('PKCS#7 under %s', async (label) => {
    const { root, intermediate, leaf } = await makeChain('adcs');
    writeFileSync(path, leaf.pem + intermediate.pem + root.pem);
    const chain = openssl('crl2pkcs7', '-nocrl', '-certfile', path).replaceAll('PKCS7', label);
    const { certificates, keys, failures } = open(chain + leaf.keyPem);
    expect([...certificates, ...keys].map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(certificates.map(({ facts }) => facts.commonName).toSorted()).toEqual([
      'Issuer of adcs',
      'Root of adcs',
      'adcs',
    ]);
    expect([keys.length, failures]).toEqual([1, []]);
  });
});

test('a block that is not base64 fails alone, with its number and its line', async () => {
  const { pem: certificate } = await makeCertificate({ commonName: 'whole' });
  const { certificates, failures } = open(`# one\n${certificate.replace('\n', '\n…\n')}${certificate}`);
  expect(certificates.length).toBe(1);
  expect(failures).toEqual([
    {
      index: 0,
      what: 'CERTIFICATE',
      reason: 'MALFORMED',
      message: 'PEM block 1 (CERTIFICATE) is not valid base64 in line 3.',
    },
  ]);
});

test('a BEGIN line that does not end is said', () => {
  expect(() => open('x\n-----BEGIN CERTIF')).toThrow(/its BEGIN line does not end/);
});

test.each([
  ['GOST R 34.10-2001', '1.2.643.2.2.19'],
  ['GOST R 34.10-2012 (256 bits)', '1.2.643.7.1.1.1.1'],
  ['GOST R 34.10-2012 (512 bits)', '1.2.643.7.1.1.1.2'],
])('a key of %s is of an algorithm that is not supported, in DER and in PEM, plain and encrypted', async (name, id) => {
  const algorithm = sequence(oid(id), sequence(oid('1.2.643.2.2.35.1')));
  const key = sequence(integer(0), algorithm, octetString(octetString(Buffer.alloc(32, 5))));
  const message = `The private key uses algorithm ${name} (${id}), which is not supported.`;
  const refused = expect.objectContaining({ reason: 'UNSUPPORTED_ALGORITHM', message });
  const encrypted = writePem('ENCRYPTED PRIVATE KEY', encryptPrivateKey(key, 'changeit'));
  for (const content of [key, writePem('PRIVATE KEY', key), encrypted])
    expect(() => openContainer(Buffer.from(content), { password: 'changeit' })).toThrow(refused);
  expect(() => open(encrypted, 'wrong')).toThrow(/password does not open/);
  const { pem: certificate } = await makeCertificate({ commonName: 'beside' });
  const { certificates, failures } = open(writePem('PRIVATE KEY', key) + certificate);
  expect([certificates.length, failures]).toEqual([
    1,
    [{ index: 0, what: 'PRIVATE KEY', reason: 'UNSUPPORTED_ALGORITHM', message }],
  ]);
});

test('two keys under two passwords of the list: each is opened by its own', async () => {
  const files = await Promise.all(['one', 'two'].map((commonName) => makeCertificate({ commonName })));
  const text = files
    .map(({ pem: certificate, keyPem }, i) => {
      const key = createPrivateKey(keyPem).export({
        format: 'pem',
        type: 'pkcs8',
        cipher: 'aes-256-cbc',
        passphrase: `password ${i}`,
      });
      return certificate + key.toString();
    })
    .join('');
  const { certificates, failures } = openContainer(Buffer.from(text), { passwords: ['password 1', 'password 0'] });
  expect([certificates.map(({ key }) => key), failures]).toEqual([[0, 1], []]);
  expect(() => openContainer(Buffer.from(text), { passwords: ['password 1', 'wrong'] })).toThrow(
    'None of the 2 passwords opens it.',
  );
});

test('DER behind the last block is passed over with a notice, text without one', async () => {
  const { pem: first } = await makeCertificate({ commonName: 'a' });
  const { der } = await makeCertificate({ commonName: 'b' });
  const { certificates, notices } = openContainer(Buffer.concat([Buffer.from(first), der]), {});
  expect(certificates.map(({ facts }) => facts.commonName)).toEqual(['a']);
  expect(notices).toEqual([
    `${der.length} bytes of DER behind the last PEM block were passed over: import them as a file of their own.`,
  ]);
  expect(open(`${first}0 bytes more, as text\n`).notices).toEqual([]);
});
