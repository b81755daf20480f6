import type { Buffer } from 'node:buffer';
import { toDefiniteLengths } from './ber.ts';
import { context, DerReader, TAG } from './der-reader.ts';
import { integer, oid, sequence, setOf, tlv } from './der-writer.ts';
import { X509Error } from './x509-error.ts';

const DATA = '1.2.840.113549.1.7.1';
const SIGNED_DATA = '1.2.840.113549.1.7.2';

/** A certs-only SignedData (RFC 5652 section 5, RFC 8551 section 3.2.2), DER. */
export function writePkcs7(certificates: Uint8Array[]): Buffer {
  const inner = sequence(oid(DATA));
  const signedData = sequence(integer(1), setOf(), inner, tlv(context(0), ...certificates), setOf());
  return sequence(oid(SIGNED_DATA), tlv(context(0), signedData));
}

/** Whether the bytes begin a PKCS#7 SignedData. */
export function isPkcs7(bytes: Uint8Array): boolean {
  try {
    const outer = new DerReader(bytes, 'container').enter(TAG.sequence);
    return outer.peek() === TAG.oid && outer.oid() === SIGNED_DATA;
  } catch (error) {
    if (error instanceof X509Error) return false;
    throw error;
  }
}

/** DER of every certificate in a SignedData; signatures, CRLs and attribute certificates are passed over. Throws X509Error. */
export function readPkcs7(bytes: Uint8Array): Uint8Array[] {
  const whole = new DerReader(toDefiniteLengths(bytes, 'PKCS#7'), 'PKCS#7');
  const outer = whole.enter(TAG.sequence);
  whole.finish();
  outer.oid();
  const signedData = outer.enter(context(0)).enter(TAG.sequence);
  signedData.next(TAG.integer);
  signedData.next(TAG.set);
  signedData.next(TAG.sequence);
  if (signedData.peek() !== context(0)) return [];
  const list = signedData.enter(context(0));
  const certificates: Uint8Array[] = [];
  while (!list.done) {
    list.next();
    if (list.tag === TAG.sequence) certificates.push(list.raw());
  }
  return certificates;
}
