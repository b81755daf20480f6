import type { CertificateFacts } from './certificate.ts';
import type { Finding, FindingCode } from './finding.ts';

/** Bits below which a key is weak (NIST SP 800-57 part 1: under 112 bits of security). */
const LEAST_BITS: Record<string, number> = { RSA: 2048, 'RSA-PSS': 2048, DSA: 2048, EC: 224 };
const WEAK_SIGNATURE = /^(md2|md4|md5|sha1)With|ecdsa-with-SHA1$|^dsa-with-sha1$/i;
/** RFC 5280 section 4.1.2.2. */
const MAX_SERIAL_BYTES = 20;

/** Weak keys and signatures, odd serials, dates, versions and names, in this order; then what its reader met. */
export function findOddities(facts: CertificateFacts, now: Date): Finding[] {
  const { keyAlgorithm, keySize, signatureAlgorithm, serialNumber, notBefore, notAfter, version, selfIssued } = facts;
  const found: Finding[] = [];
  const add = (code: FindingCode, message: string) => found.push({ code, message });
  const least = LEAST_BITS[keyAlgorithm];
  if (least !== undefined && keySize > 0 && keySize < least)
    add('WEAK_KEY', `Its ${keyAlgorithm} key has ${keySize} bits; under ${least} is weak.`);
  const digest = facts.signaturePss ? ` and ${facts.signaturePss.digest}` : '';
  if ((WEAK_SIGNATURE.test(signatureAlgorithm) || /^ and (md5|sha1)$/.test(digest)) && !selfIssued)
    add('WEAK_SIGNATURE', `It is signed with ${signatureAlgorithm}${digest}, which can be forged.`);
  if (serialNumber.startsWith('-')) add('NEGATIVE_SERIAL', 'Its serial number is negative.');
  if (serialNumber.replace('-', '').length / 2 > MAX_SERIAL_BYTES)
    add('LONG_SERIAL', `Its serial number has more than ${MAX_SERIAL_BYTES} bytes.`);
  if (notAfter < now) add('EXPIRED', `It expired on ${notAfter.toISOString().slice(0, 10)}.`);
  if (notBefore > now) add('NOT_YET_VALID', `It is valid from ${notBefore.toISOString().slice(0, 10)} on.`);
  if (notAfter < notBefore) add('ENDS_BEFORE_IT_BEGINS', 'Its validity ends before it begins.');
  if (version === 1 || version === 2) add('OLD_VERSION', `It is of version ${version}, which has no extensions.`);
  if (!facts.basicConstraints?.certificateAuthority && facts.subjectAlternativeNames.length === 0)
    add(
      'NO_ALTERNATIVE_NAMES',
      'It has no subject alternative names; clients do not look at the common name any more.',
    );
  if (facts.nonMinimalDer)
    add('NON_MINIMAL_DER', 'Its encoding has more octets somewhere than DER allows: strict readers refuse it.');
  return [...found, ...facts.oddities];
}
