import type { Buffer } from 'node:buffer';
import { toDefiniteLengths } from './ber.ts';
import { context, DerReader, TAG } from './der-reader.ts';
import { integer, oid, sequence, setOf, tlv } from './der-writer.ts';
import { ifReadable, X509Error } from './x509-error.ts';

const DATA = '1.2.840.113549.1.7.1';
const SIGNED_DATA = '1.2.840.113549.1.7.2';

/** A certs-only SignedData (RFC 5652 section 5, RFC 8551 section 3.2.2), DER. */
export function writePkcs7(certificates: Uint8Array[]): Buffer {
  const inner = sequence(oid(DATA));
  const signedData = sequence(integer(1), setOf(), inner, tlv(context(0), ...certificates), setOf());
  return sequence(oid(SIGNED_DATA), tlv(context(0), signedData));
}

/** Content types that hold no certificates for us (RFC 2315 section 14, RFC 5652, RFC 5083, RFC 3274), and what a person can do. */
const DECRYPT = 'decrypt it with the key of a recipient (openssl cms -decrypt) and import what comes out';
const OTHER_CONTENT: Record<string, [name: string, advice: string]> = {
  [DATA]: ['plain data', 'import the file that is in it'],
  '1.2.840.113549.1.7.3': ['enveloped data', DECRYPT],
  '1.2.840.113549.1.7.4': [
    'signed and enveloped data',
    'take its certificates out (openssl pkcs7 -print_certs) and import those',
  ],
  '1.2.840.113549.1.7.5': ['digested data', 'import the file that was digested'],
  '1.2.840.113549.1.7.6': [
    'encrypted data',
    'decrypt it (openssl cms -EncryptedData_decrypt) and import what comes out',
  ],
  '1.2.840.113549.1.9.16.1.2': ['authenticated data', DECRYPT],
  '1.2.840.113549.1.9.16.1.9': ['compressed data', 'unpack it (openssl cms -uncompress) and import what comes out'],
  '1.2.840.113549.1.9.16.1.23': ['authenticated enveloped data', DECRYPT],
};

/** Whether the bytes begin a PKCS#7 of any content type: `readPkcs7` refuses those that are not signed data by name. */
export function isPkcs7(bytes: Uint8Array): boolean {
  return (
    ifReadable(() => {
      const outer = new DerReader(bytes, 'container').enter(TAG.sequence);
      if (outer.peek() !== TAG.oid) return false;
      const type = outer.oid();
      return type === SIGNED_DATA || Object.hasOwn(OTHER_CONTENT, type);
    }) ?? false
  );
}

/**
 * DER of every certificate in a SignedData; signatures, CRLs and attribute certificates are passed over.
 * Throws X509Error: UNSUPPORTED_CONTENT for another content type.
 */
export function readPkcs7(bytes: Uint8Array): Uint8Array[] {
  const whole = new DerReader(toDefiniteLengths(bytes, 'PKCS#7'), 'PKCS#7');
  const outer = whole.enter(TAG.sequence);
  whole.finish();
  refuseOtherContent(outer.oid());
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

function refuseOtherContent(type: string): void {
  if (type === SIGNED_DATA) return;
  const [name, advice] = OTHER_CONTENT[type] ?? [
    `content of type ${type}`,
    'take its certificates out and import those',
  ];
  throw new X509Error({
    code: 'INVALID_ARGUMENT',
    reason: 'UNSUPPORTED_CONTENT',
    message: `This PKCS#7 is ${name}, not signed data: ${advice}.`,
  });
}
