import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isSignedBy, readCertificate } from './certificate.ts';
import { integer, oid, sequence, tlv } from './der-writer.ts';
import { fixtureDer } from './fixtures.ts';
import { X509Error } from './x509-error.ts';

describe('facts of a leaf certificate that OpenSSL made', () => {
  const facts = readCertificate(fixtureDer('leaf.pem'));

  test('names, in RFC 4514 order and escaping', () => {
    expect(facts.subject).toBe(String.raw`CN=web1.example.com+OU=Web,O=Acme\, Inc.,ST=Zürich,C=CH`);
    expect(facts.issuer).toBe('CN=Acme Issuing,O=Acme');
    expect(facts.commonName).toBe('web1.example.com');
    expect(facts.selfIssued).toBe(false);
  });

  test('alternative names of every kind', () => {
    expect(facts.subjectAlternativeNames).toEqual([
      { type: 'dns', value: 'web1.example.com' },
      { type: 'dns', value: '*.web1.example.com' },
      { type: 'ip', value: '192.0.2.7' },
      { type: 'ip', value: '2001:db8::7' },
      { type: 'email', value: 'ops@example.com' },
      { type: 'uri', value: 'https://web1.example.com/' },
      { type: 'otherName', value: '1.3.6.1.4.1.311.20.2.3=web1@example.com' },
    ]);
  });

  test('key, signature, usages and constraints', () => {
    expect(facts).toMatchObject({
      version: 3,
      keyAlgorithm: 'RSA',
      keySize: 2048,
      curve: '',
      signatureAlgorithm: 'ecdsa-with-SHA256',
      keyUsages: ['digitalSignature', 'keyEncipherment'],
      extendedKeyUsages: ['serverAuth', 'clientAuth', '1.2.3.4'],
      basicConstraints: { certificateAuthority: false },
    });
    const issuer = readCertificate(fixtureDer('intermediate.pem'));
    expect(facts.authorityKeyIdentifier).toBe(issuer.subjectKeyIdentifier);
    expect(issuer).toMatchObject({
      keyAlgorithm: 'EC',
      curve: 'P-384',
      keySize: 384,
      basicConstraints: { certificateAuthority: true, pathLength: 0 },
    });
    expect(readCertificate(fixtureDer('ed25519.pem'))).toMatchObject({ keyAlgorithm: 'Ed25519', keySize: 256 });
  });

  test('who signed it', () => {
    expect(isSignedBy(fixtureDer('leaf.pem'), fixtureDer('intermediate.pem'))).toBe(true);
    expect(isSignedBy(fixtureDer('leaf.pem'), fixtureDer('root.pem'))).toBe(false);
  });
});

test.each(rootCertificates.map((pem, i) => [i, pem] as const))('Node reads the same facts in root %i', (_, pem) => {
  const oracle = new X509Certificate(pem);
  const facts = readCertificate(oracle.raw);
  const key = oracle.publicKey.asymmetricKeyDetails;
  expect({
    serial: facts.serialNumber,
    notBefore: facts.notBefore,
    notAfter: facts.notAfter,
    thumbprint: facts.thumbprint,
    fingerprint: facts.fingerprintSha256,
    ca: facts.basicConstraints?.certificateAuthority ?? false,
    selfIssued: facts.selfIssued,
  }).toEqual({
    serial: oracle.serialNumber.padStart(2, '0'),
    notBefore: oracle.validFromDate,
    notAfter: oracle.validToDate,
    thumbprint: oracle.fingerprint.replaceAll(':', ''),
    fingerprint: oracle.fingerprint256.replaceAll(':', '').toLowerCase(),
    ca: oracle.ca,
    selfIssued: oracle.issuer === oracle.subject,
  });
  if (facts.keyAlgorithm === 'RSA') expect(facts.keySize).toBe(key?.modulusLength);
  const attributes = oracle.subject.split(/[\n+]/).map((line) => line.slice(line.indexOf('=') + 1).trim());
  for (const value of attributes) {
    expect(facts.subject.replace(/\\(.)/g, '$1')).toContain(value.replace(/\\(.)/g, '$1'));
  }
});

test('every cut and every flipped byte is refused with our own error or read, never anything else', () => {
  const der = fixtureDer('leaf.pem');
  for (let length = 0; length < der.length; length++) {
    expect(() => readCertificate(der.subarray(0, length))).toThrow(X509Error);
  }
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 0, max: 255 }), (at, byte) => {
      const mutated = Uint8Array.from(der);
      mutated[at] = byte;
      try {
        readCertificate(mutated);
      } catch (error) {
        if (!(error instanceof X509Error)) throw error;
      }
    }),
    { numRuns: 5_000 },
  );
});

test('trailing bytes, too many bytes and too deep nesting are refused by name', () => {
  const der = fixtureDer('leaf.pem');
  expect(() => readCertificate(Buffer.concat([der, Buffer.of(0)]))).toThrow(/Malformed certificate/);
  expect(() => readCertificate(new Uint8Array(64 * 1024 + 1))).toThrow(
    /65537 bytes; the limit \(certificate bytes\) is 65536/,
  );
});

describe('by hand', () => {
  const utcTime = (text: string) => tlv(0x17, Buffer.from(text));
  const generalizedTime = (text: string) => tlv(0x18, Buffer.from(text));
  const algorithm = sequence(oid('1.3.101.112'));
  const spki = sequence(algorithm, tlv(0x03, Buffer.alloc(33)));
  const certificate = (of: { serial?: Uint8Array; from?: Uint8Array; to?: Uint8Array }) =>
    sequence(
      sequence(
        of.serial ?? integer(1),
        algorithm,
        sequence(),
        sequence(of.from ?? utcTime('250101000000Z'), of.to ?? utcTime('260101000000Z')),
        sequence(),
        spki,
      ),
      algorithm,
      tlv(0x03, Buffer.alloc(65)),
    );

  test.each([
    [utcTime('500101000000Z'), '1950-01-01T00:00:00.000Z'],
    [utcTime('491231235959Z'), '2049-12-31T23:59:59.000Z'],
    [utcTime('2501010000Z'), '2025-01-01T00:00:00.000Z'],
    [generalizedTime('20000229120000Z'), '2000-02-29T12:00:00.000Z'],
    [generalizedTime('00500301000000Z'), '0050-03-01T00:00:00.000Z'],
    [generalizedTime('99991231235959Z'), '9999-12-31T23:59:59.000Z'],
    [utcTime('161231235960Z'), '2017-01-01T00:00:00.000Z'],
  ])('%# a time is %s', (to, expected) => {
    expect(readCertificate(certificate({ to })).notAfter.toISOString()).toBe(expected);
  });

  test('every day of a century is the one that Date has', () => {
    for (let day = Date.UTC(1950, 0, 1); day < Date.UTC(2050, 0, 1); day += 86_400_000) {
      const iso = new Date(day).toISOString();
      const to = utcTime(`${iso.slice(2, 10).replaceAll('-', '')}000000Z`);
      expect(readCertificate(certificate({ to })).notAfter.getTime()).toBe(day);
    }
  });

  test.each([
    '251301000000Z',
    '250001000000Z',
    '250132000000Z',
    '250431000000Z',
    '250230000000Z',
    '250101240000Z',
    '250101006000Z',
    '25010100000Z',
    '250101000000',
    '250101000000.5Z',
    '250101000000+1300',
    '250101000000+0160',
    '250101000000+01',
    'x50101000000Z',
  ])('no time: %s', (text) =>
    expect(() => readCertificate(certificate({ from: utcTime(text) }))).toThrow(/Malformed time/),
  );

  test.each([
    ['02010a', '0A', false],
    ['02020080', '80', false],
    ['0202000a', '0A', true],
    ['020180', '-80', false],
    ['0202ff80', '-80', true],
    ['02020100', '0100', false],
  ])('serial %s is %s', (der, serialNumber, nonMinimalDer) => {
    const facts = readCertificate(certificate({ serial: Buffer.from(der, 'hex') }));
    expect(facts).toMatchObject({ serialNumber, nonMinimalDer });
  });

  test('a length with an octet more is read, and said', () => {
    const der = fixtureDer('leaf.pem');
    expect([...der.subarray(0, 2)]).toEqual([0x30, 0x82]);
    const longer = Buffer.concat([Buffer.from('308300', 'hex'), der.subarray(2)]);
    expect(readCertificate(der).nonMinimalDer).toBe(false);
    expect(readCertificate(longer)).toMatchObject({ nonMinimalDer: true, subject: readCertificate(der).subject });
  });

  test('the same issuer is the same text, however often it comes', () => {
    const [first, second] = [readCertificate(fixtureDer('leaf.pem')), readCertificate(fixtureDer('leaf.pem'))];
    expect(second).toEqual(first);
    expect(second.issuer).toBe('CN=Acme Issuing,O=Acme');
  });
});
