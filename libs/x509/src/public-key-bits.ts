import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { KEY_ALGORITHMS } from './algorithms.ts';
import { context, DerReader, TAG } from './der-reader.ts';

/**
 * SHA-256 over the bits of a certificate's public key (RFC 5280 section 4.1.2.7), lower-case hexadecimal: what its
 * private key is found by. The algorithm identifier beside them may be written in several ways (RFC 4055 section 1.2
 * lets RSA's NULL be absent), and a point may be compressed (RFC 5480 section 2.2); neither makes it another key.
 * Throws X509Error: MALFORMED or TRUNCATED.
 */
export function publicKeyBitsOf(certificate: Uint8Array): string {
  const tbs = new DerReader(certificate, 'certificate').enter(TAG.sequence).enter(TAG.sequence);
  tbs.optional(context(0));
  tbs.next(TAG.integer);
  // Signature algorithm, issuer, validity, subject.
  for (let i = 0; i < 4; i++) tbs.next(TAG.sequence);
  return hashBits(tbs.enter(TAG.sequence));
}

/** The same of a SubjectPublicKeyInfo, DER. */
export const publicKeyBits = (spki: Uint8Array): string =>
  hashBits(new DerReader(spki, 'public key').enter(TAG.sequence));

function hashBits(info: DerReader): string {
  const algorithm = info.enter(TAG.sequence).oid();
  // Without the octet that counts unused bits.
  const key = info.next(TAG.bitString).value().subarray(1);
  return hash('sha256', KEY_ALGORITHMS[algorithm] === 'EC' ? compressed(key) : key, 'hex');
}

/** A point (SEC 1 section 2.3.3) by its x and the parity of its y. */
function compressed(point: Uint8Array): Uint8Array {
  const isWhole = point[0] === 4 || point[0] === 6 || point[0] === 7;
  if (!isWhole || point.length % 2 === 0) return point;
  return Buffer.concat([Buffer.of(2 | (point.at(-1)! & 1)), point.subarray(1, (point.length + 1) / 2)]);
}
