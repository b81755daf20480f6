import { hash, X509Certificate, type KeyObject } from 'node:crypto';
import { context, DerReader, TAG } from './der-reader.ts';
import { readExtensions, type CertificateExtensions } from './extensions.ts';
import { readName, type Name } from './name.ts';
import { CURVES, FIXED_KEY_SIZES, KEY_ALGORITHMS, RSASSA_PSS, SIGNATURE_ALGORITHMS } from './algorithms.ts';
import { readTime } from './time.ts';
import { readExplicitCurve } from './explicit-curve.ts';
import { readPssParameters, type PssParameters } from './pss-parameters.ts';
import type { Finding } from './finding.ts';
import { isOfOneField, malformed, overLimit } from './x509-error.ts';

export const MAX_CERTIFICATE_BYTES = 64 * 1024;

/** What a certificate says of itself; field by field as in certferry.common.v1.CertificateFacts. */
export interface CertificateFacts extends CertificateExtensions, KeyFacts {
  version: number;
  subject: string;
  issuer: string;
  commonName: string;
  serialNumber: string;
  notBefore: Date;
  notAfter: Date;
  signatureAlgorithm: string;
  /** Of an RSASSA-PSS signature. */
  signaturePss?: PssParameters;
  thumbprint: string;
  fingerprintSha256: string;
  publicKeySha256: string;
  selfIssued: boolean;
  /** Whether its encoding has more octets somewhere than DER allows. */
  nonMinimalDer: boolean;
  /** What of it strict readers refuse, in sentences that name the field. */
  oddities: Finding[];
}

/** What a SubjectPublicKeyInfo says of its key. */
export interface KeyFacts {
  keyAlgorithm: string;
  /** Bits. */
  keySize: number;
  curve: string;
  /** What an RSASSA-PSS key is restricted to (RFC 4055 section 3.1). */
  keyPss?: PssParameters;
}

/**
 * Reads one certificate (RFC 5280 section 4.1) that fills `der` exactly.
 * Throws X509Error: MALFORMED, TRUNCATED, or LIMIT_EXCEEDED above 64 KiB.
 */
export function readCertificate(der: Uint8Array): CertificateFacts {
  if (der.length > MAX_CERTIFICATE_BYTES) {
    throw overLimit('certificate bytes', MAX_CERTIFICATE_BYTES, `The certificate has ${der.length} bytes`);
  }
  const reader = new DerReader(der, 'certificate');
  const outer = reader.open(TAG.sequence);
  const outerTbs = reader.open(TAG.sequence);
  const facts = readTbs(reader);
  reader.close(outerTbs);
  readSignatureAlgorithm(reader, facts);
  reader.next(TAG.bitString);
  reader.close(outer);
  reader.finish();
  facts.thumbprint = hash('sha1', der, 'hex').toUpperCase();
  facts.fingerprintSha256 = hash('sha256', der, 'hex');
  facts.nonMinimalDer ||= reader.nonMinimal;
  return facts;
}

/** TBSCertificate (RFC 5280 section 4.1.2), in its order. The signature and what is over the whole are the caller's. */
function readTbs(reader: DerReader): CertificateFacts {
  const version = readVersion(reader);
  reader.next(TAG.integer);
  const nonMinimalDer = hasSpareOctet(reader);
  const serialNumber = serialText(reader);
  reader.next(TAG.sequence);
  const issuerAt = reader.position;
  reader.next(TAG.sequence);
  const issuerEnd = reader.end;
  const outerValidity = reader.open(TAG.sequence);
  const notBefore = readTime(reader, 'notBefore');
  const notAfter = readTime(reader, 'notAfter');
  reader.leave(outerValidity);
  const subjectAt = reader.position;
  const subject = readWholeName(reader);
  const subjectLength = reader.position - subjectAt;
  const selfIssued = isSameRange(reader.bytes, { a: issuerAt, b: subjectAt, length: subjectLength });
  const issuer = selfIssued ? subject : readIssuer(reader, issuerAt, issuerEnd);
  if (subject.hasEmptyRdn) reader.note('EMPTY_RDN', emptyRdn('subject'));
  if (issuer.hasEmptyRdn) reader.note('EMPTY_RDN', emptyRdn('issuer'));
  const spkiAt = reader.position;
  const key = readCertificateKey(reader);
  const facts: CertificateFacts = {
    version,
    subject: subject.text,
    issuer: issuer.text,
    commonName: subject.commonName,
    serialNumber,
    notBefore,
    notAfter,
    keyAlgorithm: key.keyAlgorithm,
    keySize: key.keySize,
    curve: key.curve,
    signatureAlgorithm: '',
    thumbprint: '',
    fingerprintSha256: '',
    publicKeySha256: hash('sha256', reader.bytes.subarray(spkiAt, reader.position), 'hex'),
    selfIssued,
    nonMinimalDer,
    oddities: reader.oddities,
    subjectAlternativeNames: [],
    droppedNames: 0,
    keyUsages: [],
    extendedKeyUsages: [],
    basicConstraints: undefined,
    subjectKeyIdentifier: '',
    authorityKeyIdentifier: '',
  };
  if (key.keyPss) facts.keyPss = key.keyPss;
  reader.optional(context(1, false));
  reader.optional(context(2, false));
  if (reader.peek() === context(3)) {
    const outer = reader.open(context(3));
    readExtensions(reader, facts);
    reader.leave(outer);
  }
  return facts;
}

const emptyRdn = (field: string): string =>
  `Its ${field} has an empty relative name, which is left out: strict readers refuse it.`;

function readVersion(reader: DerReader): number {
  if (reader.peek() !== context(0)) return 1;
  const outer = reader.open(context(0));
  const [octet = 0xff, ...more] = reader.next(TAG.integer).value();
  reader.leave(outer);
  const version = octet < 3 && more.length === 0 ? octet + 1 : 0;
  if (version === 0) reader.note('ODD_ENCODING', 'Its version is none that X.509 has: strict readers refuse it.');
  return version;
}

function readSignatureAlgorithm(reader: DerReader, facts: CertificateFacts): void {
  const outer = reader.open(TAG.sequence);
  const algorithm = reader.oid();
  facts.signatureAlgorithm = SIGNATURE_ALGORITHMS[algorithm] ?? algorithm;
  if (algorithm === RSASSA_PSS) facts.signaturePss = readSignatureParameters(reader);
  reader.leave(outer);
}

function readSignatureParameters(reader: DerReader): PssParameters | undefined {
  try {
    return readPssParameters(reader);
  } catch (error) {
    if (!isOfOneField(error)) throw error;
    reader.note('ODD_ENCODING', 'The RSASSA-PSS parameters of its signature are malformed and passed over.');
    return undefined;
  }
}

function readWholeName(reader: DerReader): Name {
  const outer = reader.open(TAG.sequence);
  const name = readName(reader);
  reader.close(outer);
  return name;
}

const MAX_KNOWN_ISSUERS = 1_000;
/** Longer ones are not kept: names of 64 KiB would fill the memory. */
const MAX_KNOWN_ISSUER_BYTES = 1_024;
/** By their DER: the certificates of one CA all have the same issuer. */
const knownIssuers = new Map<string, Name>();

function readIssuer(reader: DerReader, from: number, to: number): Name {
  const known = knownIssuers.get(reader.latin1(from, to));
  if (known) return known;
  const der = Buffer.from(reader.bytes.subarray(from, to));
  const name = readWholeName(new DerReader(der, 'issuer'));
  if (der.length > MAX_KNOWN_ISSUER_BYTES) return name;
  if (knownIssuers.size >= MAX_KNOWN_ISSUERS) knownIssuers.clear();
  knownIssuers.set(der.toString('latin1'), name);
  return name;
}

function isSameRange(bytes: Uint8Array, { a, b, length }: { a: number; b: number; length: number }): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}

/** What OpenSSL allows for large keys and nobody passes for small ones: with a longer exponent a check takes milliseconds. */
const MAX_RSA_EXPONENT = 2n ** 64n;

/** Whether `issuer`'s key made `certificate`'s signature. Names and key identifiers are for the caller to compare first. Never with an RSA exponent above 2^64. */
export function isSignedBy(certificate: Uint8Array, issuer: Uint8Array): boolean {
  return readSignature(certificate)(readVerifyingKey(issuer));
}

/** The key of an issuer; undefined for one that node:crypto cannot use, or that takes too long to use. */
export function readVerifyingKey(issuer: Uint8Array): KeyObject | undefined {
  try {
    const { publicKey } = new X509Certificate(issuer);
    return (publicKey.asymmetricKeyDetails?.publicExponent ?? 0n) > MAX_RSA_EXPONENT ? undefined : publicKey;
  } catch {
    return undefined;
  }
}

/** Tells of a key whether it made the signature of `certificate`, which is read once for all of them. */
export function readSignature(certificate: Uint8Array): (key: KeyObject | undefined) => boolean {
  let read: X509Certificate;
  try {
    read = new X509Certificate(certificate);
  } catch {
    return () => false;
  }
  return (key) => {
    try {
      return key !== undefined && read.verify(key);
    } catch {
      return false;
    }
  };
}

/** Upper-case hexadecimal, two digits an octet, "-" before it if negative. */
function serialText(reader: DerReader): string {
  const { bytes, content, end } = reader;
  if (end === content) throw malformed('serial number', reader.start);
  const hex = reader.hex().toUpperCase();
  if (bytes[content]! < 0x80) return hex.length > 2 && hex.startsWith('00') ? hex.slice(2) : hex;
  const magnitude = (1n << BigInt((end - content) * 8)) - BigInt(`0x${hex}`);
  const text = magnitude.toString(16).toUpperCase();
  return `-${text.length % 2 ? `0${text}` : text}`;
}

/** Whether an INTEGER begins with nine equal bits (X.690 section 8.3.2). */
function hasSpareOctet({ bytes, content, end }: DerReader): boolean {
  if (end - content < 2) return false;
  const [first, second] = [bytes[content]!, bytes[content + 1]!];
  return (first === 0 && second < 0x80) || (first === 0xff && second > 0x7f);
}

/** Algorithm, size and curve of a SubjectPublicKeyInfo, DER. */
export function readSubjectPublicKey(spki: Uint8Array): KeyFacts {
  return readKey(new DerReader(spki, 'public key'));
}

/** A key whose own encoding is malformed has its algorithm, and nothing else. */
function readCertificateKey(reader: DerReader): KeyFacts {
  const { limit, position } = reader;
  try {
    return readKey(reader);
  } catch (error) {
    if (!isOfOneField(error)) throw error;
    [reader.limit, reader.position] = [limit, position];
    const type = reader.next(TAG.sequence).inside().enter(TAG.sequence).oid();
    reader.note('ODD_ENCODING', 'Its public key is malformed: nothing but its algorithm is known.');
    return { keyAlgorithm: KEY_ALGORITHMS[type] ?? type, keySize: 0, curve: '' };
  }
}

function readKey(reader: DerReader): KeyFacts {
  const outer = reader.open(TAG.sequence);
  const outerAlgorithm = reader.open(TAG.sequence);
  const type = reader.oid();
  const keyAlgorithm = KEY_ALGORITHMS[type] ?? type;
  const key: KeyFacts = { keyAlgorithm, keySize: FIXED_KEY_SIZES[keyAlgorithm] ?? 0, curve: '' };
  if (keyAlgorithm === 'EC' && reader.peek() === TAG.oid) {
    const curve = reader.oid();
    key.curve = CURVES[curve]?.name ?? curve;
    key.keySize = CURVES[curve]?.size ?? 0;
  } else if (keyAlgorithm === 'EC' && reader.peek() === TAG.sequence) readSpelledCurve(reader, key);
  else if ((keyAlgorithm === 'DSA' || keyAlgorithm === 'DH') && reader.peek() === TAG.sequence) {
    const outerParameters = reader.open(TAG.sequence);
    key.keySize = reader.next(TAG.integer).bits();
    reader.leave(outerParameters);
  } else if (type === RSASSA_PSS && !reader.done) key.keyPss = readPssParameters(reader);
  reader.leave(outerAlgorithm);
  const outerKey = reader.open(TAG.bitString);
  if (keyAlgorithm === 'RSA' || keyAlgorithm === 'RSA-PSS') {
    reader.position++;
    const outerRsa = reader.open(TAG.sequence);
    key.keySize = reader.next(TAG.integer).bits();
    reader.leave(outerRsa);
  }
  reader.leave(outerKey);
  reader.leave(outer);
  return key;
}

/** RFC 5480 section 2.1.1 wants a name: who may spell a curve out may choose one that only looks like the named one. */
function readSpelledCurve(reader: DerReader, key: KeyFacts): void {
  const { size, name, differences } = readExplicitCurve(reader);
  key.keySize = size;
  if (name !== undefined && differences.length === 0) {
    key.curve = name;
    reader.note(
      'EXPLICIT_CURVE',
      `Its key spells out the parameters of ${name} instead of naming it: strict readers refuse it.`,
    );
    return;
  }
  const which = name
    ? `${name} but for its ${differences.join(' and ')} (as in CVE-2020-0601)`
    : 'none of the named ones';
  reader.note(
    'UNKNOWN_CURVE',
    `Its key spells out the parameters of a curve that is ${which}: do not trust what it signs.`,
  );
}
