import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, hash, type KeyObject } from 'node:crypto';
import { CURVES, KEY_ALGORITHMS } from './algorithms.ts';
import { readSubjectPublicKey } from './certificate.ts';
import { context, DerReader, TAG } from './der-reader.ts';
import { octetString, sequence } from './der-writer.ts';
import { readOpenSshKey } from './openssh-key.ts';
import { unsupportedOid } from './password-algorithms.ts';
import { decryptWithSecrets, IterationBudget } from './password-encryption.ts';
import { plainSecret, type Password, type Secret } from './password-secret.ts';
import { ENCRYPTIONS, encryptWithPassword, type Encryption } from './password-writing.ts';
import { writePem } from './pem.ts';
import { publicKeyBits } from './public-key-bits.ts';
import { decryptTraditional } from './traditional-encryption.ts';
import { guard, ifReadable, malformed, overLimit, passwordRequired, wrongPassword, X509Error } from './x509-error.ts';

export const MAX_KEY_BYTES = 64 * 1024;

export interface PrivateKey {
  /** PrivateKeyInfo (RFC 5958), DER. */
  pkcs8: Buffer;
  /** "RSA", "EC", "Ed25519", … */
  algorithm: string;
  /** Bits. */
  size: number;
  /** SHA-256 over the SubjectPublicKeyInfo, lower-case hexadecimal. */
  publicKeySha256: string;
  /** Object identifiers of a PKCS#8's attributes (RFC 5958 section 2), which `pkcs8` does not have any more. */
  droppedAttributes?: string[];
  /** SHA-256 over the public key's bits, as `publicKeyBitsOf` its certificate. */
  publicKeyBitsSha256: string;
}

export type KeyEncoding = 'pkcs8' | 'pkcs1' | 'sec1';

/** Reads a DER private key: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 appendix A.1.2) or SEC 1 (RFC 5915). */
export function readPrivateKey(der: Uint8Array, type: KeyEncoding): PrivateKey {
  checkLength(der);
  const described = type === 'pkcs8' ? describePkcs8(der) : undefined;
  try {
    const key = describe(createPrivateKey({ key: Buffer.from(der), format: 'der', type }));
    return described?.attributes.length ? { ...key, droppedAttributes: described.attributes } : key;
  } catch (error) {
    if (error instanceof X509Error) throw error;
    throw described?.unsupported ?? malformed('private key');
  }
}

/** What of a PrivateKeyInfo (RFC 5958 section 2) node:crypto does not say. Undefined for what is not one. */
function describePkcs8(der: Uint8Array): { attributes: string[]; unsupported?: X509Error } | undefined {
  return ifReadable(() => {
    const info = new DerReader(der, 'private key').enter(TAG.sequence);
    info.integer();
    const algorithm = info.enter(TAG.sequence);
    const id = algorithm.oid();
    const curve = KEY_ALGORITHMS[id] === 'EC' && algorithm.peek() === TAG.oid ? algorithm.oid() : undefined;
    info.octets();
    const attributes: string[] = [];
    const list = info.peek() === context(0) ? info.enter(context(0)) : undefined;
    while (list && !list.done) attributes.push(list.enter(TAG.sequence).oid());
    if (!NODE_ALGORITHMS.has(KEY_ALGORITHMS[id] ?? ''))
      return { attributes, unsupported: unsupportedOid('private key', 'algorithm', id) };
    const isKnown = curve === undefined || Object.hasOwn(CURVES, curve);
    return isKnown ? { attributes } : { attributes, unsupported: unsupportedOid('private key', 'curve', curve) };
  });
}

/** Those whose keys node:crypto reads: one that it does not read is broken. */
const NODE_ALGORITHMS = new Set(['RSA', 'RSA-PSS', 'DSA', 'DH', 'EC', 'Ed25519', 'Ed448', 'X25519', 'X448']);

/** Reads a traditional DSA key (OpenSSL's DSAPrivateKey), which only has a PEM form. */
function readTraditionalDsaKey(bytes: Uint8Array): PrivateKey {
  return guard('private key', () => describe(createPrivateKey(writePem('DSA PRIVATE KEY', bytes))));
}

function checkLength(bytes: Uint8Array): void {
  if (bytes.length > MAX_KEY_BYTES)
    throw overLimit('key bytes', MAX_KEY_BYTES, `The private key has ${bytes.length} bytes`);
}

export type KeyShape = KeyEncoding | 'dsa' | 'encrypted';

/** What form of private key the bytes have, by the first values inside the outer SEQUENCE; undefined for none. */
export function shapeOfKey(der: Uint8Array): KeyShape | undefined {
  return ifReadable(() => {
    const inner = new DerReader(der, 'private key').enter(TAG.sequence);
    if (inner.peek() === TAG.sequence) {
      inner.next();
      return inner.peek() === TAG.octetString ? 'encrypted' : undefined;
    }
    const version = inner.integer();
    if (inner.peek() === TAG.octetString && version === 1) return 'sec1';
    if (inner.peek() === TAG.integer) return isDsa(inner) ? 'dsa' : 'pkcs1';
    if (inner.peek() !== TAG.sequence) return undefined;
    inner.next();
    return inner.peek() === TAG.octetString ? 'pkcs8' : undefined;
  });
}

/** Behind the version: p, q, g, y and x; RSA has eight numbers. */
function isDsa(numbers: DerReader): boolean {
  let count = 0;
  for (; !numbers.done; count++) numbers.next(TAG.integer);
  return count === 5;
}

/**
 * Reads a private key in any DER form, whatever it was called: PKCS#8 plain or encrypted, PKCS#1, SEC 1, traditional DSA.
 * Throws X509Error: MALFORMED for what is none.
 */
export function readAnyPrivateKey(der: Uint8Array, password: Password, budget: IterationBudget): PrivateKey {
  checkLength(der);
  const shape = shapeOfKey(der);
  switch (shape) {
    case 'encrypted':
      return decryptPrivateKey(der, password, budget);
    case 'dsa':
      return readTraditionalDsaKey(der);
    default:
      return readPrivateKey(der, shape ?? 'pkcs8');
  }
}

/** Reads a traditional key that RFC 1421 headers encrypt. */
export function readLegacyEncryptedKey(block: { headers: string; bytes: Uint8Array }, password: Password): PrivateKey {
  const der = decryptTraditional(block, password);
  checkDecrypted(der);
  return readAnyPrivateKey(der, undefined, new IterationBudget());
}

/** One wrong password in 256 leaves padding that looks right, and stream ciphers have none: what it leaves is no key. */
function checkDecrypted(der: Uint8Array): void {
  if (!shapeOfKey(der)) throw wrongPassword('private key');
}

/** Decrypts an EncryptedPrivateKeyInfo (RFC 5958 section 3); PASSWORD_REQUIRED without a password. */
export function decryptPrivateKey(der: Uint8Array, password: Password, budget: IterationBudget): PrivateKey {
  if (password === undefined) throw passwordRequired('private key');
  return decryptShroudedKey(der, [plainSecret(password)], budget).key;
}

/** The same inside PKCS#12, where an absent password is one too (RFC 7292 appendix B.1): with the first secret that opens it. */
export function decryptShroudedKey(
  der: Uint8Array,
  secrets: readonly Secret[],
  budget: IterationBudget,
): { key: PrivateKey; secret: Secret } {
  checkLength(der);
  const outer = new DerReader(der, 'encrypted private key');
  const info = outer.enter(TAG.sequence);
  outer.finish();
  const algorithm = info.enter(TAG.sequence);
  const data = info.octets();
  const { plain, secret } = decryptWithSecrets({ algorithm, data, budget, what: 'private key' }, secrets);
  checkDecrypted(plain);
  return { key: readPrivateKey(plain, 'pkcs8'), secret };
}

/** An EncryptedPrivateKeyInfo, DER. */
export function encryptPrivateKey(pkcs8: Uint8Array, password: string, by: Encryption = ENCRYPTIONS.modern): Buffer {
  const { algorithm, encrypted } = encryptWithPassword(pkcs8, password, by);
  return sequence(algorithm, octetString(encrypted));
}

/** A key in its traditional PEM form: PKCS#1 or SEC 1. UNSUPPORTED_ALGORITHM for a key that has none. */
export function writeTraditionalKey(pkcs8: Uint8Array): string {
  const key = guard('private key', () => createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }));
  const type = ({ rsa: 'pkcs1', ec: 'sec1' } as const)[key.asymmetricKeyType as string];
  if (!type)
    throw new X509Error({
      code: 'INVALID_ARGUMENT',
      reason: 'UNSUPPORTED_ALGORITHM',
      message: `A key of type ${key.asymmetricKeyType} has no traditional form: take it as PKCS#8.`,
    });
  return key.export({ format: 'pem', type }) as string;
}

/** The one key of an OpenSSH file. */
export function readOpenSshPrivateKey(bytes: Uint8Array, password: Password, budget: IterationBudget): PrivateKey {
  checkLength(bytes);
  return guard('OpenSSH private key', () => describe(readOpenSshKey(bytes, password, budget)));
}

function describe(key: KeyObject): PrivateKey {
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' });
  const { keyAlgorithm, keySize } = readSubjectPublicKey(spki);
  return {
    pkcs8: key.export({ format: 'der', type: 'pkcs8' }),
    algorithm: keyAlgorithm,
    size: keySize,
    publicKeySha256: hash('sha256', spki, 'hex'),
    publicKeyBitsSha256: publicKeyBits(spki),
  };
}
