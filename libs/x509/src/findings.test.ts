import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { expect, test } from 'vitest';
import { readCertificate, type CertificateFacts } from './certificate.ts';
import { findOddities } from './findings.ts';
import { fixtureDer } from './fixtures.ts';

const now = new Date('2026-11-25T00:00:00Z');
const leaf = readCertificate(fixtureDer('leaf.pem'));
const codes = (change: Partial<CertificateFacts>) => findOddities({ ...leaf, ...change }, now).map((one) => one.code);

test('a leaf that OpenSSL made and every public root are without weak keys and odd dates', () => {
  expect(codes({})).toEqual([]);
  for (const pem of rootCertificates) {
    const found = findOddities(readCertificate(new X509Certificate(pem).raw), now).map((one) => one.code);
    expect(found.filter((code) => !['EXPIRED', 'LONG_SERIAL', 'OLD_VERSION'].includes(code))).toEqual([]);
  }
});

test.each<[Partial<CertificateFacts>, string[]]>([
  [{ keySize: 2047 }, ['WEAK_KEY']],
  [{ keyAlgorithm: 'EC', keySize: 192 }, ['WEAK_KEY']],
  [{ keyAlgorithm: 'EC', keySize: 224 }, []],
  [{ signatureAlgorithm: 'sha1WithRSAEncryption' }, ['WEAK_SIGNATURE']],
  [{ signatureAlgorithm: 'sha1WithRSAEncryption', selfIssued: true }, []],
  [{ signatureAlgorithm: 'ecdsa-with-SHA1' }, ['WEAK_SIGNATURE']],
  [{ serialNumber: '-01' }, ['NEGATIVE_SERIAL']],
  [{ serialNumber: '11'.repeat(20) }, []],
  [{ serialNumber: '11'.repeat(21) }, ['LONG_SERIAL']],
  [{ notAfter: new Date('2026-11-24T23:59:59Z') }, ['EXPIRED']],
  [{ notBefore: new Date('2026-11-26T00:00:00Z') }, ['NOT_YET_VALID']],
  [{ version: 1 }, ['OLD_VERSION']],
  [{ nonMinimalDer: true }, ['NON_MINIMAL_DER']],
  [
    { signatureAlgorithm: 'rsassaPss', signaturePss: { digest: 'sha1', maskDigest: 'sha1', saltLength: 20 } },
    ['WEAK_SIGNATURE'],
  ],
  [{ signatureAlgorithm: 'rsassaPss', signaturePss: { digest: 'sha256', maskDigest: 'sha256', saltLength: 32 } }, []],
  [{ subjectAlternativeNames: [] }, ['NO_ALTERNATIVE_NAMES']],
  [{ subjectAlternativeNames: [], basicConstraints: { certificateAuthority: true } }, []],
])('%j', (change, expected) => expect(codes(change)).toEqual(expected));
