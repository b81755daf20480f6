import { expect, test } from 'vitest';
import { readCertificate } from './certificate.ts';
import { integer, oid, sequence, setOf, tlv } from './der-writer.ts';
import { findOddities } from './findings.ts';
import { alternativeNames, emptyRdn, handMade, nameOf, rdn, type CertificateParts } from './fixtures.ts';

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
