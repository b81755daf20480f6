import { describe, expect, test } from 'vitest';
import { readCertificate } from './certificate.ts';
import { integer, oid, sequence, setOf, tlv } from './der-writer.ts';
import { findOddities } from './findings.ts';
import {
  alternativeNames,
  emptyRdn,
  extension,
  generalizedTime,
  handMade,
  nameOf,
  rdn,
  utcTime,
  type CertificateParts,
} from './fixtures.ts';

/** Everything that a certificate of these parts is found to be, but for what is odd about its maker. */
const findingsOf = (parts: CertificateParts) =>
  findOddities(readCertificate(handMade(parts)), new Date('2030-01-01')).filter(
    ({ code }) => code !== 'NO_ALTERNATIVE_NAMES',
  );

test('an ordinary certificate has nothing odd', () => {
  expect(findingsOf({})).toEqual([]);
  expect(readCertificate(handMade()).oddities).toEqual([]);
});

test.each([
  ['first', [emptyRdn(), rdn('2.5.4.10', 'Acme'), rdn('2.5.4.3', 'web')]],
  ['in the middle', [rdn('2.5.4.10', 'Acme'), emptyRdn(), emptyRdn(), rdn('2.5.4.3', 'web')]],
  ['last', [rdn('2.5.4.10', 'Acme'), rdn('2.5.4.3', 'web'), emptyRdn()]],
])('an empty RDN is left out of a name, and found: %s', (_, rdns) => {
  const name = nameOf(...rdns);
  const parts = { subject: name, issuer: name };
  expect(readCertificate(handMade(parts))).toMatchObject({
    subject: 'CN=web,O=Acme',
    issuer: 'CN=web,O=Acme',
    commonName: 'web',
  });
  expect(findingsOf(parts)).toEqual([
    {
      code: 'EMPTY_RDN',
      message: 'Its subject has an empty relative name, which is left out: strict readers refuse it.',
    },
    {
      code: 'EMPTY_RDN',
      message: 'Its issuer has an empty relative name, which is left out: strict readers refuse it.',
    },
  ]);
});

test('an empty RDN of an issuer is found each time, though the issuer is read once', () => {
  const parts = { issuer: nameOf(rdn('2.5.4.3', 'often'), emptyRdn()) };
  const messages = () => findingsOf(parts).map(({ message }) => message);
  expect(messages()).toEqual([expect.stringContaining('Its issuer has')]);
  expect(messages()).toEqual([expect.stringContaining('Its issuer has')]);
});

test('an empty RDN of a directory name among the alternative names is found once, however many there are', () => {
  const name = nameOf(emptyRdn(), rdn('2.5.4.3', 'web'));
  const parts = { extensions: [alternativeNames([4, name], [4, name])] };
  expect(readCertificate(handMade(parts)).subjectAlternativeNames).toEqual([
    { type: 'directoryName', value: 'CN=web' },
    { type: 'directoryName', value: 'CN=web' },
  ]);
  expect(findingsOf(parts)).toEqual([
    { code: 'EMPTY_RDN', message: expect.stringContaining('A directory name among its alternative names') as string },
  ]);
});

test('an attribute given by OID is its DER, and what is not a string too', () => {
  const subject = nameOf(
    rdn('1.3.6.1.4.1.99999.1', 'example'),
    setOf(sequence(oid('2.5.4.3'), integer(10)), sequence(oid('2.5.4.45'), tlv(0x03, Buffer.of(0, 0xab)))),
  );
  expect(readCertificate(handMade({ subject })).subject).toBe(
    '2.5.4.45=#030200AB+CN=#02010A,1.3.6.1.4.1.99999.1=#0C076578616D706C65',
  );
});

/** The findings as one line each. */
const linesOf = (parts: CertificateParts) => findingsOf(parts).map(({ code, message }) => `${code} ${message}`);
const boolean = (octet: number) => tlv(0x01, Buffer.of(octet));
const bitString = (...octets: number[]) => tlv(0x03, Buffer.from(octets));
const constraints = (...parts: Uint8Array[]) => ({ extensions: [extension('2.5.29.19', sequence(...parts))] });
const usages = (value: Uint8Array) => ({ extensions: [extension('2.5.29.15', value)] });

test.each([
  [utcTime('450101120000+0130'), '2045-01-01T10:30:00.000Z', ['with an offset from UTC']],
  [utcTime('4501011200-0130'), '2045-01-01T13:30:00.000Z', ['without seconds', 'with an offset from UTC']],
  [generalizedTime('20450101120000.75Z'), '2045-01-01T12:00:00.000Z', ['with a fraction of a second']],
  [
    generalizedTime('20450101000000.5+0001'),
    '2044-12-31T23:59:00.000Z',
    ['with a fraction of a second', 'with an offset from UTC'],
  ],
  [utcTime('4501011200Z'), '2045-01-01T12:00:00.000Z', ['without seconds']],
])('%# a time is read %s, with what is odd about it', (notAfter, expected, odd) => {
  expect(readCertificate(handMade({ notAfter })).notAfter.toISOString()).toBe(expected);
  expect(linesOf({ notAfter })).toEqual(
    odd.map((what) => `ODD_ENCODING Its notAfter is a time ${what}: strict readers refuse it.`),
  );
  expect(linesOf({ notBefore: utcTime('250101000000+0100') })).toEqual([
    'ODD_ENCODING Its notBefore is a time with an offset from UTC: strict readers refuse it.',
  ]);
});

describe('basic constraints', () => {
  test.each([
    ['0201ff', { certificateAuthority: true, pathLength: -1 }, 'is negative: strict readers refuse it.'],
    ['020180', { certificateAuthority: true, pathLength: -128 }, 'is negative: strict readers refuse it.'],
    ['02050100000000', { certificateAuthority: true }, 'has more than 32 bits and is left out.'],
  ])('path length %s', (der, basicConstraints, message) => {
    const parts = constraints(boolean(0xff), Buffer.from(der, 'hex'));
    expect(readCertificate(handMade(parts)).basicConstraints).toEqual(basicConstraints);
    expect(linesOf(parts)).toEqual([`ODD_ENCODING The path length in its basicConstraints ${message}`]);
  });

  test('an ordinary path length', () => {
    expect(linesOf(constraints(boolean(0xff), integer(200)))).toEqual([]);
    expect(readCertificate(handMade(constraints(boolean(0xff), integer(200)))).basicConstraints).toEqual({
      certificateAuthority: true,
      pathLength: 200,
    });
  });
});

test.each([
  ['no octets', bitString(), []],
  ['nine unused bits', bitString(9, 0x80), []],
  ['unused bits of nothing', bitString(1), []],
  ['an INTEGER', integer(1), []],
])('a bad key usage: %s', (_, value, keyUsages) => {
  expect(readCertificate(handMade(usages(value))).keyUsages).toEqual(keyUsages);
  expect(linesOf(usages(value))).toEqual([
    'ODD_ENCODING Its keyUsage extension is malformed and passed over: strict readers refuse it.',
  ]);
});

test('unused bits of a key usage are not usages, also where they are set', () => {
  const parts = usages(bitString(6, 0xff));
  expect(readCertificate(handMade(parts)).keyUsages).toEqual(['digitalSignature', 'nonRepudiation']);
  expect(linesOf(parts)).toEqual([
    'ODD_ENCODING Its keyUsage sets bits that it says are unused; they are passed over.',
  ]);
  expect(linesOf(usages(bitString(5, 0xa0)))).toEqual([]);
});

describe('alternative names', () => {
  test('IP addresses of a wrong length are in hexadecimal', () => {
    const parts = {
      extensions: [alternativeNames([7, Buffer.of(192, 0, 2)], [7, Buffer.alloc(8, 1)], [2, Buffer.from('a')])],
    };
    expect(readCertificate(handMade(parts)).subjectAlternativeNames).toEqual([
      { type: 'ip', value: '#c00002' },
      { type: 'ip', value: '#0101010101010101' },
      { type: 'dns', value: 'a' },
    ]);
    expect(linesOf(parts)).toEqual([
      'ODD_ENCODING An IP address among its alternative names has not 4 or 16 bytes and is shown in hexadecimal: strict readers refuse it.',
    ]);
  });

  test.each([
    [2, 'dns', 'A DNS name', 'müller.example'],
    [1, 'email', 'An email address', 'jörg@example.test'],
    [6, 'uri', 'A URI', 'https://example.test/ключ'],
  ])('tag %i: UTF-8 is text, other octets Latin-1', (tag, type, what, value) => {
    const utf8 = { extensions: [alternativeNames([tag, Buffer.from(value)], [tag, Buffer.from(value)])] };
    expect(readCertificate(handMade(utf8)).subjectAlternativeNames).toEqual([
      { type, value },
      { type, value },
    ]);
    expect(linesOf(utf8)).toEqual([
      `NON_ASCII_NAME ${what} among its alternative names is not ASCII; it is shown as UTF-8: clients do not match it.`,
    ]);
    const latin1 = { extensions: [alternativeNames([tag, Buffer.from('zürich', 'latin1')])] };
    expect(readCertificate(handMade(latin1)).subjectAlternativeNames).toEqual([{ type, value: 'zürich' }]);
    expect(linesOf(latin1)).toEqual([expect.stringContaining('it is shown as Latin-1')]);
  });
});

test.each([
  ['subjectAltName', '2.5.29.17', sequence(tlv(0x82, Buffer.from('a')), Buffer.of(0x82, 9))],
  ['basicConstraints', '2.5.29.19', integer(1)],
  ['extendedKeyUsage', '2.5.29.37', sequence(integer(1))],
  ['subjectKeyIdentifier', '2.5.29.14', Buffer.of()],
  ['authorityKeyIdentifier', '2.5.29.35', Buffer.of(0x30, 0x05)],
])('a malformed %s is passed over, and what stands behind it is read', (name, id, value) => {
  const parts = { extensions: [extension(id, value), extension('2.5.29.15', bitString(7, 0x80))] };
  expect(readCertificate(handMade(parts))).toMatchObject({
    subjectAlternativeNames: [],
    basicConstraints: undefined,
    extendedKeyUsages: [],
    subjectKeyIdentifier: '',
    authorityKeyIdentifier: '',
    keyUsages: ['digitalSignature'],
  });
  expect(linesOf(parts)).toEqual([
    `ODD_ENCODING Its ${name} extension is malformed and passed over: strict readers refuse it.`,
  ]);
});

test('a limit that an extension meets refuses the certificate all the same', () => {
  const id = tlv(0x06, Buffer.alloc(200, 1));
  expect(() => readCertificate(handMade({ extensions: [extension('2.5.29.37', sequence(id))] }))).toThrow(
    expect.objectContaining({ reason: 'LIMIT_EXCEEDED' }),
  );
});

test('a malformed public key leaves its algorithm', () => {
  const publicKey = sequence(sequence(oid('1.2.840.113549.1.1.1')), bitString(0, 1, 2, 3));
  expect(readCertificate(handMade({ publicKey }))).toMatchObject({ keyAlgorithm: 'RSA', keySize: 0, curve: '' });
  expect(linesOf({ publicKey })).toEqual([
    'ODD_ENCODING Its public key is malformed: nothing but its algorithm is known.',
  ]);
});

test.each([
  ['no SEQUENCE inside', sequence(oid('1.2.840.113549.1.1.10'), sequence(tlv(0xa0, integer(1))))],
  ['a salt of 2^40 bytes', sequence(oid('1.2.840.113549.1.1.10'), sequence(tlv(0xa2, integer(2 ** 40))))],
])('malformed RSASSA-PSS parameters of the signature: %s', (_, algorithm) => {
  expect(readCertificate(handMade({ algorithm }))).toMatchObject({ signatureAlgorithm: 'rsassaPss' });
  expect(readCertificate(handMade({ algorithm })).signaturePss).toBeUndefined();
  expect(linesOf({ algorithm })).toEqual([
    'ODD_ENCODING The RSASSA-PSS parameters of its signature are malformed and passed over.',
  ]);
});

test.each(['020103', '0201ff', '0200', '0206010000000000'])('a version that X.509 has not: %s', (der) => {
  const parts = { version: tlv(0xa0, Buffer.from(der, 'hex')) };
  expect(readCertificate(handMade(parts)).version).toBe(0);
  expect(linesOf(parts)).toEqual(['ODD_ENCODING Its version is none that X.509 has: strict readers refuse it.']);
});
