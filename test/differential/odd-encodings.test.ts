import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificate } from '@certferry/x509';
import { hasProgram, temporaryFolder } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { integer, oid, sequence, setOf, tlv } from '../../libs/x509/src/der-writer.ts';
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
} from '../../libs/x509/src/fixtures.ts';
import { run } from './material.ts';

const folder = temporaryFolder('odd-encodings');
const RFC2253 = ['-nameopt', 'RFC2253,-esc_msb,utf8'];

function written(parts: CertificateParts): string {
  const path = join(folder, 'certificate.der');
  writeFileSync(path, handMade(parts));
  return path;
}

const openssl = (path: string, ...options: string[]): string =>
  run('openssl', 'x509', '-inform', 'DER', '-in', path, '-noout', ...options).trimEnd();
const certtool = (path: string): string => run('certtool', '-i', '--inder', '--infile', path);
const factsOf = (parts: CertificateParts) => readCertificate(handMade(parts));

const NAMES: [string, Buffer][] = [
  ['an empty RDN first', nameOf(emptyRdn(), rdn('2.5.4.10', 'Acme'), rdn('2.5.4.3', 'web'))],
  ['two in the middle', nameOf(rdn('2.5.4.10', 'Acme'), emptyRdn(), emptyRdn(), rdn('2.5.4.3', 'web'))],
  ['an empty RDN last', nameOf(rdn('2.5.4.3', 'web'), emptyRdn())],
  ['attributes given by OID', nameOf(rdn('1.3.6.1.4.1.99999.1', 'example'), rdn('1.2.3.4', 'Zürich'))],
  ['attributes that have a name', nameOf(rdn('2.5.4.41', 'n'), rdn('2.5.4.51', 'h'), rdn('1.2.643.100.1', '1'))],
  ['an unknown attribute beside a CN', nameOf(setOf(...[rdn('2.5.4.3', 'a'), rdn('1.2.3', 'b')].map(inside)))],
];
/** The only value of a SET OF one. */
function inside(set: Buffer): Buffer {
  return set.subarray(2);
}

const TIMES = [
  utcTime('450101120000+0130'),
  utcTime('4501011200-0130'),
  utcTime('4501011200Z'),
  generalizedTime('20450101120000.75Z'),
  generalizedTime('20450101000000.5+0001'),
  generalizedTime('204501010000-1200'),
];
/** What neither reads as a time. */
const NO_TIMES = [
  utcTime('450101120000'),
  utcTime('450101120000.5Z'),
  utcTime('450101120000+1300'),
  generalizedTime('204501011200.5Z'),
];
const constraints = (der: string) => ({
  extensions: [extension('2.5.29.19', sequence(tlv(0x01, Buffer.of(0xff)), Buffer.from(der, 'hex')))],
});
const usages = (...octets: number[]) => ({ extensions: [extension('2.5.29.15', tlv(0x03, Buffer.from(octets)))] });
const USAGES: Record<string, string> = {
  digitalSignature: 'Digital Signature',
  nonRepudiation: 'Non Repudiation',
  keyEncipherment: 'Key Encipherment',
  cRLSign: 'CRL Sign',
};

describe.skipIf(!hasProgram('openssl'))('odd certificates as OpenSSL has them', () => {
  test.each(NAMES)('names: %s', (_, subject) => {
    expect(`subject=${factsOf({ subject }).subject}`).toBe(openssl(written({ subject }), '-subject', ...RFC2253));
  });

  test.each(TIMES.map((notAfter) => [notAfter.subarray(2).toString(), notAfter]))('times: %s', (_, notAfter) => {
    const theirs = openssl(written({ notAfter }), '-enddate', '-dateopt', 'iso_8601').slice('notAfter='.length);
    expect(factsOf({ notAfter }).notAfter).toEqual(new Date(theirs.replace(' ', 'T').replace(/\.\d+/, '')));
  });

  test.each(NO_TIMES.map((notAfter) => [notAfter.subarray(2).toString(), notAfter]))('no times: %s', (_, notAfter) => {
    expect(openssl(written({ notAfter }), '-text')).toMatch(/Not After : Bad time value/);
    expect(() => factsOf({ notAfter })).toThrow(/Malformed time/);
  });

  test.each(['020100', '0201ff', '020180', '020200c8'])('path lengths: %s', (der) => {
    const { pathLength } = factsOf(constraints(der)).basicConstraints!;
    const theirs = /pathlen:(-?)(0x)?([0-9A-F]+)/i.exec(openssl(written(constraints(der)), '-text'))!;
    expect(pathLength).toBe(Number(`${theirs[2] ?? ''}${theirs[3]}`) * (theirs[1] ? -1 : 1));
  });

  test.each([
    [7, 0x80],
    [6, 0xff],
    [5, 0xa0],
    [1, 0x02],
  ])('unused bits of a key usage: %i of %i', (unused, octet) => {
    const parts = usages(unused, octet);
    const theirs = /Key Usage: \n *(.*)/.exec(openssl(written(parts), '-text'))![1];
    expect(
      factsOf(parts)
        .keyUsages.map((usage) => USAGES[usage])
        .join(', '),
    ).toBe(theirs);
  });

  test.each([[[]], [[9, 0x80]], [[1]]])('a key usage that is none: %j', (octets) => {
    const text = openssl(written(usages(...octets)), '-text');
    expect(Object.values(USAGES).filter((usage) => text.includes(usage))).toEqual([]);
    expect(factsOf(usages(...octets)).keyUsages).toEqual([]);
  });

  test('IP addresses of a wrong length, and DNS names in UTF-8', () => {
    const parts = { extensions: [alternativeNames([7, Buffer.alloc(3, 1)], [2, Buffer.from('müller.example')])] };
    expect(openssl(written(parts), '-text')).toMatch(/IP Address:<invalid.*>, DNS:müller\.example/);
    expect(factsOf(parts).subjectAlternativeNames.map(({ value }) => value)).toEqual(['#010101', 'müller.example']);
  });

  test('a malformed key, and a version that there is not', () => {
    const publicKey = sequence(sequence(oid('1.2.840.113549.1.1.1')), tlv(0x03, Buffer.of(0, 1, 2, 3)));
    const text = openssl(written({ publicKey, version: tlv(0xa0, integer(5)) }), '-text');
    expect(text).toMatch(/Version: Unknown \(5\)[^]*Public Key Algorithm: rsaEncryption\n *Unable to load Public Key/);
    expect(factsOf({ publicKey, version: tlv(0xa0, integer(5)) })).toMatchObject({ version: 0, keyAlgorithm: 'RSA' });
  });
});

describe.skipIf(!hasProgram('certtool'))('odd certificates as GnuTLS has them', () => {
  test.each(NAMES.slice(0, 4))('names: %s', (_, subject) => {
    // GnuTLS writes hexadecimal in small letters, and 3.7 a comma behind a name whose first RDN is empty.
    const theirs = /Subject: (.*?),?\n/.exec(certtool(written({ subject })))![1]!;
    expect(factsOf({ subject }).subject.toLowerCase()).toBe(theirs.toLowerCase());
  });
});
