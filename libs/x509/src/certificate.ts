import { Buffer } from 'node:buffer';
import { hash, X509Certificate } from 'node:crypto';
import { context, DerReader, TAG } from './der-reader.ts';
import { readExtensions, type CertificateExtensions } from './extensions.ts';
import { readName } from './name.ts';
import { CURVES, FIXED_KEY_SIZES, KEY_ALGORITHMS, SIGNATURE_ALGORITHMS } from './oids.ts';
import { malformed, overLimit } from './x509-error.ts';

export const MAX_CERTIFICATE_BYTES = 64 * 1024;

/** What a certificate says of itself; field by field as in certferry.common.v1.CertificateFacts. */
export interface CertificateFacts extends CertificateExtensions {
  version: number;
  subject: string;
  issuer: string;
  commonName: string;
  serialNumber: string;
  notBefore: Date;
  notAfter: Date;
  keyAlgorithm: string;
  keySize: number;
  curve: string;
  signatureAlgorithm: string;
  thumbprint: string;
  fingerprintSha256: string;
  publicKeySha256: string;
  selfIssued: boolean;
}

/**
 * Reads one certificate (RFC 5280 section 4.1) that fills `der` exactly.
 * Throws X509Error: MALFORMED, TRUNCATED, or LIMIT_EXCEEDED above 64 KiB.
 */
export function readCertificate(der: Uint8Array): CertificateFacts {
  if (der.length > MAX_CERTIFICATE_BYTES) {
    throw overLimit('certificate bytes', MAX_CERTIFICATE_BYTES, `The certificate has ${der.length} bytes`);
  }
  const outer = new DerReader(der, 'certificate');
  const certificate = outer.enter(TAG.sequence);
  outer.finish();
  const tbs = certificate.enter(TAG.sequence);
  const signatureAlgorithm = certificate.enter(TAG.sequence).oid();
  certificate.next(TAG.bitString);
  certificate.finish();

  const version = tbs.peek() === context(0) ? tbs.enter(context(0)).integer() + 1 : 1;
  const serialNumber = serialText(tbs.next(TAG.integer).value());
  tbs.next(TAG.sequence);
  const issuer = readName(tbs.enter(TAG.sequence));
  const issuerBytes = tbs.raw();
  const validity = tbs.enter(TAG.sequence);
  const notBefore = readTime(validity);
  const notAfter = readTime(validity);
  const subject = readName(tbs.enter(TAG.sequence));
  const subjectBytes = tbs.raw();
  const spki = tbs.enter(TAG.sequence);
  const spkiBytes = tbs.raw();
  tbs.optional(context(1, false));
  tbs.optional(context(2, false));
  const extensions = readExtensions(tbs.optional(context(3)) ? tbs.inside() : undefined);
  tbs.finish();

  return {
    version,
    subject: subject.text,
    issuer: issuer.text,
    commonName: subject.commonName,
    serialNumber,
    notBefore,
    notAfter,
    ...readKey(spki),
    signatureAlgorithm: SIGNATURE_ALGORITHMS[signatureAlgorithm] ?? signatureAlgorithm,
    thumbprint: hash('sha1', der, 'hex').toUpperCase(),
    fingerprintSha256: hash('sha256', der, 'hex'),
    publicKeySha256: hash('sha256', spkiBytes, 'hex'),
    selfIssued: Buffer.compare(issuerBytes, subjectBytes) === 0,
    ...extensions,
  };
}

/** Whether `issuer`'s key made `certificate`'s signature. Names and key identifiers are for the caller to compare first. */
export function isSignedBy(certificate: Uint8Array, issuer: Uint8Array): boolean {
  try {
    return new X509Certificate(certificate).verify(new X509Certificate(issuer).publicKey);
  } catch {
    return false;
  }
}

function serialText(bytes: Uint8Array): string {
  if (bytes.length === 0) throw malformed('serial number');
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex').toUpperCase();
  if (bytes[0]! < 0x80) return hex.length > 2 && hex.startsWith('00') ? hex.slice(2) : hex;
  const magnitude = (1n << BigInt(bytes.length * 8)) - BigInt(`0x${hex}`);
  const text = magnitude.toString(16).toUpperCase();
  return `-${text.length % 2 ? `0${text}` : text}`;
}

/** UTCTime or GeneralizedTime (RFC 5280 section 4.1.2.5), seconds optional, Z only. */
function readTime(reader: DerReader): Date {
  reader.next();
  const { bytes, tag, content, end } = reader;
  const yearDigits = tag === TAG.utcTime ? 2 : tag === TAG.generalizedTime ? 4 : 0;
  const digits = end - content - 1 - yearDigits;
  if (!yearDigits || (digits !== 10 && digits !== 8) || bytes[end - 1] !== 0x5a) throw malformed('time', reader.start);
  const number = (at: number, length: number): number => {
    let value = 0;
    for (let i = content + at; i < content + at + length; i++) {
      const digit = bytes[i]! - 0x30;
      if (digit < 0 || digit > 9) throw malformed('time', reader.start);
      value = value * 10 + digit;
    }
    return value;
  };
  let year = number(0, yearDigits);
  if (yearDigits === 2) year += year < 50 ? 2000 : 1900;
  const [month, day, hour, minute] = [0, 2, 4, 6].map((at) => number(yearDigits + at, 2)) as [
    number,
    number,
    number,
    number,
  ];
  const second = digits === 10 ? number(yearDigits + 8, 2) : 0;
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) {
    throw malformed('time', reader.start);
  }
  const date = new Date(Date.UTC(2000, month - 1, day, hour, minute, second));
  date.setUTCFullYear(year, month - 1, day);
  return date;
}

/** Algorithm, size and curve of a SubjectPublicKeyInfo, DER. */
export function readSubjectPublicKey(spki: Uint8Array): Pick<CertificateFacts, 'keyAlgorithm' | 'keySize' | 'curve'> {
  return readKey(new DerReader(spki, 'public key').enter(TAG.sequence));
}

function readKey(spki: DerReader): Pick<CertificateFacts, 'keyAlgorithm' | 'keySize' | 'curve'> {
  const algorithm = spki.enter(TAG.sequence);
  const type = algorithm.oid();
  spki.next(TAG.bitString);
  const keyAlgorithm = KEY_ALGORITHMS[type] ?? type;
  if (keyAlgorithm === 'RSA' || keyAlgorithm === 'RSA-PSS') {
    const key = new DerReader(spki.value().subarray(1), 'RSA public key');
    return { keyAlgorithm, keySize: integerBits(key.enter(TAG.sequence).next(TAG.integer).value()), curve: '' };
  }
  if (keyAlgorithm === 'EC') {
    const curve = algorithm.peek() === TAG.oid ? algorithm.oid() : '';
    return { keyAlgorithm, keySize: CURVES[curve]?.size ?? 0, curve: CURVES[curve]?.name ?? curve };
  }
  if (keyAlgorithm === 'DSA' && algorithm.peek() === TAG.sequence) {
    const prime = algorithm.enter(TAG.sequence).next(TAG.integer).value();
    return { keyAlgorithm, keySize: integerBits(prime), curve: '' };
  }
  return { keyAlgorithm, keySize: FIXED_KEY_SIZES[keyAlgorithm] ?? 0, curve: '' };
}

function integerBits(bytes: Uint8Array): number {
  let first = 0;
  while (first < bytes.length && bytes[first] === 0) first++;
  return first === bytes.length ? 0 : (bytes.length - first) * 8 - Math.clz32(bytes[first]!) + 24;
}
