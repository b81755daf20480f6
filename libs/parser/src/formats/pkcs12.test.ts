import { execFileSync } from 'node:child_process';
import { createCipheriv, createHmac, hash, pbkdf2Sync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, temporaryFolder } from '@certferry/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { context } from '@certferry/x509';
// The parts that a PKCS#12 is made of, for files that no program at hand writes any more.
import { derNull, integer, octetString, oid, sequence, tlv } from '@certferry/x509/der-writer';
import { derivePkcs12Key } from '@certferry/x509/pkcs12-kdf';
import { openContainer } from '../open-container.ts';

const DATA = '1.2.840.113549.1.7.1';
const folder = temporaryFolder('pkcs12');
const path = join(folder, 'one.pem');
const at = (name: string) => join(folder, name);
const one = await makeCertificate({ commonName: 'one' });
beforeAll(() => writeFileSync(path, one.pem + one.keyPem));

const found = (content: Uint8Array, password?: string, keyPassword?: string) => {
  const { certificates, keys, notices } = openContainer(content, { password, keyPassword });
  return [certificates.map(({ facts }) => facts.commonName), keys.length, notices];
};
const whole = (...notices: string[]) => [['one'], 1, notices];

/** What a writer does in its own way. */
interface Way {
  /** For the MAC and PKCS#12's own encryption. */
  bmp: Buffer;
  /** For PBKDF2. */
  octets: Buffer;
  /** What PBKDF2's parameters say, and the AES key has. */
  keyLength?: number;
  /** Of PBKDF2 and of the MAC, which is PBMAC1 then (RFC 9579); default: SHA-1, and PKCS#12's own MAC. */
  hmac?: { digest: string; id: string };
}

/** A PKCS#12 file with a certificate and a key under AES-128 and PBKDF2, under PKCS#12's own 3DES, or under pbeWithMD5AndDES. */
function writeFile(way: Way, scheme: 'aes-128' | '3des' | 'md5-des'): Buffer {
  const salt = Buffer.from('12345678');
  const iv = Buffer.alloc(16, 7);
  const hmac = way.hmac && sequence(oid(way.hmac.id), derNull());
  const pbkdf2 = (length: number) =>
    sequence(
      oid('1.2.840.113549.1.5.12'),
      sequence(octetString(salt), integer(1_000), integer(length), ...(hmac ? [hmac] : [])),
    );
  const encryptAes = (plain: Buffer) => {
    const length = way.keyLength ?? 16;
    const key = pbkdf2Sync(way.octets, salt, 1_000, length, way.hmac?.digest ?? 'sha1');
    const cipher = createCipheriv(length === 32 ? 'aes-256-cbc' : 'aes-128-cbc', key, iv);
    const kdf = pbkdf2(length);
    const encryption = sequence(oid('2.16.840.1.101.3.4.1.2'), octetString(iv));
    const algorithm = sequence(oid('1.2.840.113549.1.5.13'), sequence(kdf, encryption));
    return { algorithm, encrypted: Buffer.concat([cipher.update(plain), cipher.final()]) };
  };
  const derive = (purpose: 1 | 2 | 3, length: number) =>
    derivePkcs12Key({ digest: 'sha1', secret: way.bmp, salt, iterations: 1_000, purpose, length });
  const encrypt3des = (plain: Buffer) => {
    const cipher = createCipheriv('des-ede3-cbc', derive(1, 24), derive(2, 8));
    const algorithm = sequence(oid('1.2.840.113549.1.12.1.3'), sequence(octetString(salt), integer(1_000)));
    return { algorithm, encrypted: Buffer.concat([cipher.update(plain), cipher.final()]) };
  };
  const encryptDes = (plain: Buffer) => {
    let derived = hash('md5', Buffer.concat([way.octets, salt]), 'buffer');
    for (let i = 1; i < 1_000; i++) derived = hash('md5', derived, 'buffer');
    const key = derived.subarray(0, 8);
    const cipher = createCipheriv('des-ede3-cbc', Buffer.concat([key, key, key]), derived.subarray(8));
    const algorithm = sequence(oid('1.2.840.113549.1.5.3'), sequence(octetString(salt), integer(1_000)));
    return { algorithm, encrypted: Buffer.concat([cipher.update(plain), cipher.final()]) };
  };
  const encrypt = { '3des': encrypt3des, 'aes-128': encryptAes, 'md5-des': encryptDes }[scheme];
  const certificate = sequence(oid('1.2.840.113549.1.9.22.1'), tlv(context(0), octetString(one.der)));
  const bag = (type: string, value: Uint8Array) =>
    sequence(oid(`1.2.840.113549.1.12.10.1.${type}`), tlv(context(0), value));
  const key = encrypt(one.keyDer);
  const certificates = encrypt(sequence(bag('3', certificate)));
  const content = sequence(
    sequence(
      oid(DATA),
      tlv(context(0), octetString(sequence(bag('2', sequence(key.algorithm, octetString(key.encrypted)))))),
    ),
    sequence(
      oid('1.2.840.113549.1.7.6'),
      tlv(
        context(0),
        sequence(
          integer(0),
          sequence(oid(DATA), certificates.algorithm, tlv(context(0, false), certificates.encrypted)),
        ),
      ),
    ),
  );
  const authSafe = sequence(oid(DATA), tlv(context(0), octetString(content)));
  if (way.hmac) {
    const { digest } = way.hmac;
    const mac = createHmac(digest, pbkdf2Sync(way.octets, salt, 1_000, 32, digest))
      .update(content)
      .digest();
    const pbmac1 = sequence(oid('1.2.840.113549.1.5.14'), sequence(pbkdf2(32), hmac!));
    return sequence(integer(3), authSafe, sequence(sequence(pbmac1, octetString(mac)), octetString(salt), integer(1)));
  }
  const mac = createHmac('sha1', derive(3, 20)).update(content).digest();
  const digest = sequence(sequence(oid('1.3.14.3.2.26'), derNull()), octetString(mac));
  return sequence(integer(3), authSafe, sequence(digest, octetString(salt), integer(1_000)));
}

const bmp = (text: string) => Buffer.from(`${text}\0`, 'utf16le').swap16();

test.each(['aes-128', '3des'] as const)('a password of umlauts as OpenSSL before 1.1 widens it, %s', (scheme) => {
  const password = 'Zürich-Straße';
  const octets = Buffer.from(password);
  const content = writeFile({ bmp: bmp(octets.toString('latin1')), octets }, scheme);
  const notice = expect.stringMatching(/as OpenSSL before 1\.1 encodes it/) as string;
  expect(found(content, password)).toEqual(whole(notice));
  expect(found(writeFile({ bmp: bmp(password), octets }, scheme), password)).toEqual(whole());
  expect(() => found(content, 'Zurich-Strasse')).toThrow(/password does not open/);
});

test.each([16, 32])('keys as NSS before 3.31 derives them, of %i bytes', (keyLength) => {
  const content = writeFile({ bmp: bmp('changeit'), octets: bmp('changeit'), keyLength }, 'aes-128');
  expect(found(content, 'changeit')).toEqual(
    whole(expect.stringMatching(/as NSS does it \(in PBES2 before 3\.31\)/) as string),
  );
  expect(() => found(content, 'another')).toThrow(/password does not open the PKCS#12 file/);
});

test('pbeWithMD5AndDES as NSS derives it, and as RFC 8018 says', () => {
  const password = bmp('changeit');
  const content = writeFile({ bmp: password, octets: password }, 'md5-des');
  expect(found(content, 'changeit')).toEqual(
    whole(expect.stringMatching(/as NSS does it \(in PBES2 before 3\.31\)/) as string),
  );
  expect(() => found(content, 'another')).toThrow('The password does not open the PKCS#12 file.');
  expect(found(writeFile({ bmp: password, octets: Buffer.from('changeit') }, 'md5-des'), 'changeit')).toEqual(whole());
});

test.each([
  ['md5', '1.2.840.113549.2.6'],
  ['sha1', '1.2.840.113549.2.7'],
  ['sha224', '1.2.840.113549.2.8'],
  ['sha256', '1.2.840.113549.2.9'],
  ['sha384', '1.2.840.113549.2.10'],
  ['sha512', '1.2.840.113549.2.11'],
  ['sha512-224', '1.2.840.113549.2.12'],
  ['sha512-256', '1.2.840.113549.2.13'],
  ['sha3-224', '2.16.840.1.101.3.4.2.13'],
  ['sha3-256', '2.16.840.1.101.3.4.2.14'],
  ['sha3-384', '2.16.840.1.101.3.4.2.15'],
  ['sha3-512', '2.16.840.1.101.3.4.2.16'],
])('PBKDF2 and PBMAC1 with the HMAC of %s', (digest, id) => {
  const content = writeFile({ bmp: bmp('x'), octets: Buffer.from('x'), hmac: { digest, id } }, 'aes-128');
  expect(found(content, 'x')).toEqual(whole());
  expect(() => found(content, 'y')).toThrow('The password does not open the PKCS#12 file.');
});

test('an HMAC that is not read is told by its name', () => {
  const streebog = { digest: 'sha256', id: '1.2.643.7.1.1.4.1' };
  const content = writeFile({ bmp: bmp('x'), octets: Buffer.from('x'), hmac: streebog }, 'aes-128');
  expect(() => found(content, 'x')).toThrow(/HMAC with GOST R 34\.11-2012 \(256 bits\) \(1\.2\.643\.7\.1\.1\.4\.1\)/);
});

test('a file of no password at all, and one of the empty one, open with either', () => {
  const none = writeFile({ bmp: Buffer.alloc(0), octets: Buffer.alloc(0) }, '3des');
  const empty = writeFile({ bmp: bmp(''), octets: Buffer.alloc(0) }, '3des');
  for (const content of [none, empty])
    for (const password of ['', undefined]) expect(found(content, password)).toEqual(whole());
  expect(() => found(none, 'x')).toThrow(/password does not open/);
});

describe.skipIf(!hasProgram('openssl'))('what OpenSSL writes', () => {
  const openssl = (name: string, ...args: string[]) => {
    execFileSync('openssl', ['pkcs12', '-export', '-in', path, '-out', at(name), ...args], { stdio: 'pipe' });
    return readFileSync(at(name));
  };

  test.skipIf(!hasProgram('setsid'))('-twopass: a MAC under one password, certificates and key under another', () => {
    // It asks the terminal, and standard input where there is none.
    const args = ['-w', 'openssl', 'pkcs12', '-export', '-twopass', '-in', path, '-out', at('twopass.p12')];
    execFileSync('setsid', args, { input: 'outer\nouter\ninner\ninner\n', stdio: 'pipe' });
    const content = readFileSync(at('twopass.p12'));
    expect(found(content, 'outer', 'inner')).toEqual(whole());
    expect(() => found(content, 'inner')).toThrow('The password does not open the PKCS#12 file.');
    expect(() => found(content, 'outer')).toThrow(
      /opens the PKCS#12 file but not the certificates in it: they have a password of their own, send it as key password/,
    );
    expect(() => found(content, 'outer', 'wrong')).toThrow(/password does not open the PKCS#12 contents/);
  });

  test('attributes of Windows are said to be dropped', () => {
    const content = openssl('csp.p12', '-passout', 'pass:x', '-name', 'web', '-CSP', 'Schannel', '-LMK', '-keysig');
    expect(found(content, 'x')).toEqual(
      whole(
        'The key "web" has attributes that are not kept: Microsoft local machine key set, Microsoft CSP name "Schannel".',
        'The private key "web" has attributes that are not kept: key usage.',
      ),
    );
  });

  test.each(['md5', 'sha512-224', 'sha512-256', 'sha3-224', 'sha3-256', 'sha3-384', 'sha3-512'])(
    'a MAC of %s',
    (digest) => {
      expect(found(openssl('mac.p12', '-passout', 'pass:x', '-macalg', digest), 'x')).toEqual(whole());
    },
  );

  test.each(['hmacWithMD5', 'hmacWithSHA512-224', 'hmacWithSHA512-256'])('PBKDF2 with %s', (prf) => {
    const args = ['pkcs8', '-topk8', '-in', path, '-passout', 'pass:x', '-v2', 'aes-256-cbc', '-v2prf', prf];
    expect(found(execFileSync('openssl', args, { stdio: 'pipe' }), 'x')).toEqual([[], 1, []]);
  });

  test.each([
    ['bf-cbc', 'cipher Blowfish-CBC (1.3.6.1.4.1.3029.1.2)'],
    ['cast5-cbc', 'cipher CAST5-CBC (1.2.840.113533.7.66.10)'],
  ])('%s is refused by its name', (cipher, name) => {
    const legacy = ['-provider', 'legacy', '-provider', 'default'];
    const args = ['pkcs8', '-topk8', '-in', path, '-passout', 'pass:x', '-v2', cipher, ...legacy];
    const content = execFileSync('openssl', args, { stdio: 'pipe' });
    expect(() => found(content, 'x')).toThrow(`The private key uses ${name}, which is not supported.`);
  });

  test('an SM2 key in the form of SEC 1', () => {
    const pem = execFileSync('openssl', ['ecparam', '-name', 'SM2', '-genkey', '-noout'], { stdio: 'pipe' }).toString();
    const content = Buffer.from(pem.replaceAll(/(BEGIN|END) (EC |SM2 )?PRIVATE KEY/g, '$1 SM2 PRIVATE KEY'));
    const [key] = openContainer(content, {}).keys;
    expect(key?.key).toMatchObject({ algorithm: 'EC', size: 256 });
  });
});

describe.skipIf(!hasProgram('certtool'))('what GnuTLS writes', () => {
  test('a file of the null password opens with an empty field, and without', () => {
    writeFileSync(at('one.crt'), one.pem);
    const files = [
      '--load-certificate',
      at('one.crt'),
      '--load-privkey',
      path,
      '--outfile',
      at('null.p12'),
      '--outder',
    ];
    const args = ['--to-p12', '--p12-name', 'web', '--null-password', '--pkcs-cipher', '3des-pkcs12', ...files];
    execFileSync('certtool', args, { stdio: 'pipe' });
    // It writes the key twice.
    for (const password of ['', undefined]) {
      const { certificates, keys } = openContainer(readFileSync(at('null.p12')), { password });
      expect(certificates.map(({ facts, key }) => [facts.commonName, key !== undefined])).toEqual([['one', true]]);
      expect(new Set(keys.map(({ key }) => key.publicKeySha256)).size).toBe(1);
    }
  });
});
