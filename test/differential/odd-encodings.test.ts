import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCertificate } from '@certferry/x509';
import { hasProgram, temporaryFolder } from '@certferry/testing';
import { describe, expect, test } from 'vitest';
import { setOf } from '../../libs/x509/src/der-writer.ts';
import { emptyRdn, handMade, nameOf, rdn, type CertificateParts } from '../../libs/x509/src/fixtures.ts';
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

describe.skipIf(!hasProgram('openssl'))('odd certificates as OpenSSL has them', () => {
  test.each(NAMES)('names: %s', (_, subject) => {
    expect(`subject=${factsOf({ subject }).subject}`).toBe(openssl(written({ subject }), '-subject', ...RFC2253));
  });
});

describe.skipIf(!hasProgram('certtool'))('odd certificates as GnuTLS has them', () => {
  test.each(NAMES.slice(0, 4))('names: %s', (_, subject) => {
    // GnuTLS writes hexadecimal in small letters, and 3.7 a comma behind a name whose first RDN is empty.
    const theirs = /Subject: (.*?),?\n/.exec(certtool(written({ subject })))![1]!;
    expect(factsOf({ subject }).subject.toLowerCase()).toBe(theirs.toLowerCase());
  });
});
