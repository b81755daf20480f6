import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, makeChain, temporaryFolder } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { openContainer } from '../open-container.ts';

const fixture = (name: string) => readFileSync(new URL(`../../../x509/fixtures/${name}`, import.meta.url));
const names = (content: Uint8Array, password?: string) =>
  openContainer(content, { password }).certificates.map((one) => one.facts.commonName);

describe('what tools and clients put around a container', () => {
  const pem = fixture('leaf.pem').toString();
  const utf16 = (text: string, big: boolean) => {
    const bytes = Buffer.from(text, 'utf16le');
    return big ? bytes.swap16() : bytes;
  };
  const base64 = (content: Uint8Array) => Buffer.from(Buffer.from(content).toString('base64'));
  test.each<[string, Uint8Array]>([
    ['CRLF lines', Buffer.from(pem.replaceAll('\n', '\r\n'))],
    ['lone CR lines', Buffer.from(pem.replaceAll('\n', '\r'))],
    ['text around it', Buffer.from(`Bag Attributes\n    friendlyName: x\n${pem}\nthe end`)],
    ['a UTF-8 mark', Buffer.from(`\uFEFF${pem}`)],
    ['UTF-16 with its mark', utf16(`\uFEFF${pem}`, false)],
    ['UTF-16 big endian with its mark', utf16(`\uFEFF${pem}`, true)],
    ['UTF-16 without a mark', utf16(pem, false)],
    ['UTF-16 big endian without a mark', utf16(pem, true)],
    ['base64', base64(Buffer.from(pem))],
    ['base64 twice', base64(base64(Buffer.from(pem)))],
    [
      'base64 in lines',
      Buffer.from(
        base64(Buffer.from(pem))
          .toString()
          .replace(/(.{76})/g, '$1\r\n'),
      ),
    ],
    ['base64 in UTF-16', utf16(`\uFEFF${base64(Buffer.from(pem)).toString()}`, false)],
  ])('%s', (_, content) => expect(names(content)).toEqual(['web1.example.com']));

  test('base64 of PKCS#12, as REST clients send it', () => {
    expect(names(base64(fixture('openssl-default.p12')), 'changeit')).toContain('web1.example.com');
    expect(names(base64(base64(fixture('openssl-legacy.p12'))), 'changeit')).toContain('web1.example.com');
  });

  test.skipIf(!hasProgram('openssl'))('BER with indefinite lengths, as a CMS writer streams it', async () => {
    const { leaf, intermediate } = await makeChain('ber');
    const folder = temporaryFolder('ber');
    writeFileSync(join(folder, 'leaf.pem'), leaf.pem + leaf.keyPem);
    writeFileSync(join(folder, 'chain.pem'), intermediate.pem);
    const files = ['-signer', join(folder, 'leaf.pem'), '-certfile', join(folder, 'chain.pem')];
    const content = execFileSync('openssl', ['cms', '-sign', '-stream', '-nodetach', '-outform', 'DER', ...files], {
      input: 'x',
    });
    expect(content.subarray(0, 2).toString('hex')).toBe('3080');
    expect(names(content).toSorted()).toEqual(['Issuer of ber', 'ber']);
    for (let cut = 1; cut < 60; cut += 7) expect(() => openContainer(content.subarray(0, -cut), {})).toThrow();
  });
});

describe.skipIf(!hasProgram('keytool'))('Java keystores', () => {
  const keytool = (path: string, type: string, ...args: string[]) =>
    execFileSync('keytool', [...args, '-keystore', path, '-storetype', type, '-storepass', 'changeit'], {
      stdio: 'pipe',
    });

  test.each(['JKS', 'JCEKS'])('%s: keys, trusted certificates, and a key with a password of its own', (type) => {
    const path = join(temporaryFolder('java'), 'store');
    const make = (alias: string, ...more: string[]) =>
      keytool(path, type, '-genkeypair', '-alias', alias, '-keyalg', 'EC', '-dname', `CN=${alias}`, ...more);
    make('web', '-keypass', 'changeit');
    make('own', '-keypass', 'another');
    const root = new URL('../../../x509/fixtures/root.pem', import.meta.url).pathname;
    keytool(path, type, '-importcert', '-noprompt', '-alias', 'acme', '-file', root);
    const container = openContainer(readFileSync(path), { password: 'changeit' });
    expect(container.format).toBe(type);
    const entries = container.certificates.map((one) => [
      one.alias,
      one.facts.commonName,
      one.key !== undefined,
      one.trusted,
    ]);
    expect(entries.toSorted()).toEqual([
      ['acme', 'Acme Root', false, true],
      ['own', 'own', false, false],
      ['web', 'web', true, false],
    ]);
    expect(container.notices).toEqual([
      'The key "own" has a password of its own, send it as key password; only its certificates were read.',
    ]);
    const both = openContainer(readFileSync(path), { password: 'changeit', keyPassword: 'another' });
    expect(both.notices.filter((notice) => notice.includes('password of its own'))).toEqual([]);
    const keyed = both.certificates.filter((one) => one.key !== undefined).map((one) => one.alias);
    expect(keyed.toSorted()).toEqual(['own', 'web']);
    expect(() => openContainer(readFileSync(path), { password: 'wrong' })).toThrow(
      /password does not open the Java keystore/,
    );
    for (const length of [8, 20, 100, 500])
      expect(() => openContainer(readFileSync(path).subarray(0, length), { password: 'changeit' })).toThrow();
  });

  test('secret keys in a JCEKS are said, and what stands between them is read', () => {
    const path = join(temporaryFolder('java'), 'store');
    const root = new URL('../../../x509/fixtures/root.pem', import.meta.url).pathname;
    const secrets = ['one', 'two', 'three', 'four'];
    const sizes = { AES: '128', DESede: '168' };
    for (const [i, alias] of secrets.entries()) {
      const [algorithm, size] = Object.entries(sizes)[i % 2]!;
      const key = ['-keyalg', algorithm, '-keysize', size, '-keypass', 'changeit'];
      keytool(path, 'JCEKS', '-genseckey', '-alias', alias, ...key);
      keytool(path, 'JCEKS', '-importcert', '-noprompt', '-alias', `ca-${alias}`, '-file', root);
    }
    const { certificates, notices } = openContainer(readFileSync(path), { password: 'changeit' });
    expect(notices.toSorted()).toEqual(secrets.map((alias) => `The secret key "${alias}" was passed over.`).toSorted());
    expect(certificates.map(({ alias }) => alias).toSorted()).toEqual(secrets.map((alias) => `ca-${alias}`).toSorted());
  });
});

describe.skipIf(!hasProgram('ssh-keygen'))('OpenSSH private keys', () => {
  test.each([
    ['ed25519', 'Ed25519', []],
    ['rsa', 'RSA', ['-b', '2048']],
    ['ecdsa', 'EC', ['-b', '256']],
    ['ecdsa', 'EC', ['-b', '521']],
  ] as [string, string, string[]][])('%s (%s %j), plain and encrypted', (type, algorithm, more) => {
    const folder = temporaryFolder('ssh');
    const make = (name: string, ...args: string[]) => {
      execFileSync('ssh-keygen', ['-q', '-t', type, ...more, '-f', join(folder, name), ...args]);
      return readFileSync(join(folder, name));
    };
    const plain = openContainer(make('plain', '-N', ''), {});
    expect(plain.keys[0]!.key.algorithm).toBe(algorithm);
    const encrypted = make('encrypted', '-N', 'changeit', '-a', '4');
    expect(openContainer(encrypted, { password: 'changeit' }).keys[0]!.key.algorithm).toBe(algorithm);
    expect(() => openContainer(encrypted, { password: 'wrong' })).toThrow(
      /password does not open the OpenSSH private key/,
    );
    expect(() => openContainer(encrypted, {})).toThrow(/send its password/);
    // The same key as ssh-keygen itself converts it.
    execFileSync('ssh-keygen', [
      '-q',
      '-p',
      '-m',
      type === 'ed25519' ? 'RFC4716' : 'PKCS8',
      '-N',
      '',
      '-P',
      '',
      '-f',
      join(folder, 'plain'),
    ]);
    const converted = openContainer(readFileSync(join(folder, 'plain')), {});
    expect(converted.keys[0]!.key.publicKeySha256).toBe(plain.keys[0]!.key.publicKeySha256);
  });
});

describe('PBMAC1, by the test vectors of RFC 9579 appendix A', () => {
  const vector = (number: number) => fixture(`rfc9579-a${number}.txt`);
  test.each([
    [1, 'HMAC-SHA256 MAC and PRF'],
    [2, 'HMAC-SHA256 MAC, HMAC-SHA512 PRF'],
    [3, 'HMAC-SHA512 MAC and PRF'],
  ])('A.%i, %s, is read', (number) => {
    const { format, certificates, keys } = openContainer(vector(number), { password: '1234' });
    expect([format, certificates.length, keys.length, certificates[0]!.key]).toEqual(['PKCS12', 1, 1, 0]);
    expect(() => openContainer(vector(number), { password: '12345' })).toThrow(
      /password does not open the PKCS#12 file/,
    );
  });

  test.each([
    [4, 'a wrong iteration count', /password does not open/],
    [5, 'a wrong salt', /password does not open/],
    [6, 'no key length', /PBMAC1 without a key length/],
  ])('A.%i, %s, is refused', (number, _, message) => {
    expect(() => openContainer(vector(number), { password: '1234' })).toThrow(message);
  });
});

describe('what is recognised and not kept', () => {
  test.skipIf(!hasProgram('openssl'))('requests and revocation lists, PEM and DER', () => {
    const key = new URL('../../../x509/fixtures/ec.key', import.meta.url).pathname;
    for (const form of ['PEM', 'DER']) {
      const content = execFileSync('openssl', [
        'req',
        '-new',
        '-key',
        key,
        '-subj',
        '/O=Acme/CN=wanted',
        '-outform',
        form,
      ]);
      const container = openContainer(content, {});
      expect(container.notices[0]).toMatch(/certificate request for "CN=wanted,O=Acme" \(EC P-256\) was passed over/);
      expect(container.certificates).toEqual([]);
    }
  });
});

describe.skipIf(!hasProgram('openssl'))('password-based encryption of every kind that OpenSSL writes', () => {
  const key = new URL('../../../x509/fixtures/ec.key', import.meta.url).pathname;
  const legacy = ['-provider', 'legacy', '-provider', 'default'];
  test.each<[string, string[]]>([
    ['PBES2 AES-128, SHA-1', ['-v2', 'aes-128-cbc', '-v2prf', 'hmacWithSHA1']],
    ['PBES2 AES-192, SHA-384', ['-v2', 'aes-192-cbc', '-v2prf', 'hmacWithSHA384']],
    ['PBES2 AES-256, SHA-512', ['-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA512']],
    ['PBES2 AES-256, SHA-224', ['-v2', 'aes-256-cbc', '-v2prf', 'hmacWithSHA224']],
    ['PBES2 3DES', ['-v2', 'des3']],
    ['PBES2 DES', ['-v2', 'des', ...legacy]],
    ['PBES2 RC2', ['-v2', 'rc2', ...legacy]],
    ['PBES2 RC2-40', ['-v2', 'rc2-40-cbc', ...legacy]],
    ['PBES2 RC2-64', ['-v2', 'rc2-64-cbc', ...legacy]],
    ['scrypt', ['-scrypt']],
    ['PBES1 MD5 DES', ['-v1', 'PBE-MD5-DES', ...legacy]],
    ['PBES1 MD5 RC2', ['-v1', 'PBE-MD5-RC2-64', ...legacy]],
    ['PBES1 SHA-1 DES', ['-v1', 'PBE-SHA1-DES', ...legacy]],
    ['PBES1 SHA-1 RC2', ['-v1', 'PBE-SHA1-RC2-64', ...legacy]],
    ['PKCS#12 3DES', ['-v1', 'PBE-SHA1-3DES']],
    ['PKCS#12 2DES', ['-v1', 'PBE-SHA1-2DES']],
    ['PKCS#12 RC2-128', ['-v1', 'PBE-SHA1-RC2-128', ...legacy]],
    ['PKCS#12 RC2-40', ['-v1', 'PBE-SHA1-RC2-40', ...legacy]],
    ['PKCS#12 RC4-128', ['-v1', 'PBE-SHA1-RC4-128', ...legacy]],
    ['PKCS#12 RC4-40', ['-v1', 'PBE-SHA1-RC4-40', ...legacy]],
  ])('%s', (_, args) => {
    const expected = openContainer(readFileSync(key), {}).keys[0]!.key.publicKeySha256;
    for (const password of ['changeit', 'Zürich ✓ "$`', '']) {
      const content = execFileSync(
        'openssl',
        ['pkcs8', '-topk8', '-in', key, '-passout', `pass:${password}`, ...args],
        { stdio: 'pipe' },
      );
      expect(openContainer(content, { password }).keys[0]!.key.publicKeySha256).toBe(expected);
    }
    const content = execFileSync('openssl', ['pkcs8', '-topk8', '-in', key, '-passout', 'pass:changeit', ...args], {
      stdio: 'pipe',
    });
    expect(() => openContainer(content, { password: 'wrong' })).toThrow(/password|private key/);
  });

  test.each(['sha1', 'sha224', 'sha256', 'sha384', 'sha512'])('PKCS#12 with a MAC of %s', async (digest) => {
    const one = await makeCertificate({ commonName: digest });
    const path = join(temporaryFolder('mac'), 'x.pem');
    writeFileSync(path, one.pem + one.keyPem);
    const content = execFileSync('openssl', [
      'pkcs12',
      '-export',
      '-in',
      path,
      '-passout',
      'pass:changeit',
      '-macalg',
      digest,
    ]);
    expect(names(content, 'changeit')).toEqual([digest]);
    expect(() => openContainer(content, { password: 'wrong' })).toThrow(/password does not open the PKCS#12 file/);
  });

  test('scrypt that asks for too much is refused before any work', () => {
    const args = ['pkcs8', '-topk8', '-in', key, '-passout', 'pass:changeit', '-scrypt', '-outform', 'DER'];
    const content = execFileSync('openssl', args, { stdio: 'pipe' });
    const at = content.indexOf(Buffer.from('02024000020108', 'hex'));
    content[at + 6] = 0x7f;
    expect(() => openContainer(content, { password: 'changeit' })).toThrow(
      /266338304 bytes; the limit \(scrypt bytes\) is 67108864/,
    );
  });
});

test('PKCS#12: secret, CRL and unknown bags are passed over with a notice, and the rest is read, also what is nested', () => {
  const tlv = (tag: number, ...parts: Uint8Array[]) => {
    const content = Buffer.concat(parts);
    return Buffer.concat([Buffer.of(tag, 0x83, content.length >> 16, content.length >> 8, content.length), content]);
  };
  const oid = (hex: string) => tlv(0x06, Buffer.from(hex, 'hex'));
  const data = (content: Uint8Array) => tlv(0x30, oid('2a864886f70d010701'), tlv(0xa0, tlv(0x04, content)));
  const bag = (type: string, ...value: Uint8Array[]) =>
    tlv(0x30, oid(`2a864886f70d010c0a01${type}`), tlv(0xa0, tlv(0x30, ...value)));
  const certificateBag = (type: string) =>
    bag('03', oid(`2a864886f70d010916${type}`), tlv(0xa0, tlv(0x04, new X509Certificate(fixture('leaf.pem')).raw)));
  const other = oid('2a03');
  const bags = [
    bag('05', other),
    certificateBag('01'),
    bag('04', other),
    certificateBag('02'),
    bag('06', bag('06', certificateBag('01'))),
    bag('07', other),
  ];
  const file = tlv(0x30, tlv(0x02, Buffer.of(3)), data(tlv(0x30, data(tlv(0x30, ...bags)))));
  const container = openContainer(file, {});
  expect(container.certificates.map(({ facts }) => facts.commonName)).toEqual(['web1.example.com', 'web1.example.com']);
  expect(container.notices).toEqual([
    'A secret bag was passed over.',
    'A CRL bag was passed over.',
    'A certificate bag without an X.509 certificate was passed over.',
    'A bag of type 1.2.840.113549.1.12.10.1.7 was passed over.',
  ]);
});
