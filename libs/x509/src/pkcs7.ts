import type { Buffer } from 'node:buffer';
import { context } from './der-reader.ts';
import { integer, oid, sequence, setOf, tlv } from './der-writer.ts';

/** A certs-only SignedData (RFC 5652 section 5, RFC 8551 section 3.2.2), DER. */
export function writePkcs7(certificates: Uint8Array[]): Buffer {
  const inner = sequence(oid('1.2.840.113549.1.7.1'));
  const signedData = sequence(integer(1), setOf(), inner, tlv(context(0), ...certificates), setOf());
  return sequence(oid('1.2.840.113549.1.7.2'), tlv(context(0), signedData));
}
