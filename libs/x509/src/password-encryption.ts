import { raise } from '@certferry/core';
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, hash, pbkdf2Sync, randomBytes } from 'node:crypto';
import { type DerReader, TAG } from './der-reader.ts';
import { derNull, integer, octetString, oid, sequence } from './der-writer.ts';
import { decryptRc2Cbc } from './rc2.ts';
import { malformed, overLimit, unsupportedAlgorithm, wrongPassword, X509Error } from './x509-error.ts';

export const MAX_KDF_ITERATIONS = 5_000_000;
/** What we write: NIST SP 800-132 asks for as many as the user can bear; keytool's own default. */
export const WRITTEN_ITERATIONS = 10_000;

/** Counts key derivation iterations over a whole container, before they are spent. */
export class IterationBudget {
  spent = 0;

  /** LIMIT_EXCEEDED when the sum passes 5,000,000. */
  spend(iterations: number): void {
    if (iterations < 1) throw malformed('iteration count');
    this.spent += iterations;
    if (this.spent > MAX_KDF_ITERATIONS) {
      throw overLimit(
        'key derivation iterations',
        MAX_KDF_ITERATIONS,
        `The container asks for ${this.spent} iterations`,
      );
    }
  }
}

/** Absent and empty are different to PKCS#12's own key derivation, and the same to PBKDF2. */
export type Password = string | undefined;

type Digest = 'sha1' | 'sha224' | 'sha256' | 'sha384' | 'sha512';

const DIGEST_OIDS: Record<string, Digest> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};

/** Reads a digest AlgorithmIdentifier. */
export function readDigest(algorithm: DerReader, what: string): Digest {
  const id = algorithm.oid();
  const digest = DIGEST_OIDS[id];
  if (!digest) throw unsupportedAlgorithm(what, `digest ${id}`);
  return digest;
}

const HMAC_OIDS: Record<string, Digest> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

const CIPHER_OIDS: Record<string, { cipher: string; keyLength: number }> = {
  '1.2.840.113549.3.7': { cipher: 'des-ede3-cbc', keyLength: 24 },
  '2.16.840.1.101.3.4.1.2': { cipher: 'aes-128-cbc', keyLength: 16 },
  '2.16.840.1.101.3.4.1.22': { cipher: 'aes-192-cbc', keyLength: 24 },
  '2.16.840.1.101.3.4.1.42': { cipher: 'aes-256-cbc', keyLength: 32 },
};

const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';

/** Password-based encryption of PKCS#12 (RFC 7292 appendix C). */
const PKCS12_SCHEMES: Record<string, { cipher: 'des-ede3-cbc' | 'rc2'; keyLength: number }> = {
  '1.2.840.113549.1.12.1.3': { cipher: 'des-ede3-cbc', keyLength: 24 },
  '1.2.840.113549.1.12.1.4': { cipher: 'des-ede3-cbc', keyLength: 16 },
  '1.2.840.113549.1.12.1.5': { cipher: 'rc2', keyLength: 16 },
  '1.2.840.113549.1.12.1.6': { cipher: 'rc2', keyLength: 5 },
};

const SCHEME_NAMES: Record<string, string> = {
  '1.2.840.113549.1.12.1.1': 'pbeWithSHAAnd128BitRC4',
  '1.2.840.113549.1.12.1.2': 'pbeWithSHAAnd40BitRC4',
  '1.2.840.113549.1.5.3': 'pbeWithMD5AndDES-CBC',
  '1.2.840.113549.1.5.6': 'pbeWithMD5AndRC2-CBC',
  '1.2.840.113549.1.5.10': 'pbeWithSHA1AndDES-CBC',
  '1.2.840.113549.1.5.11': 'pbeWithSHA1AndRC2-CBC',
};

/**
 * Decrypts what `algorithm` (inside an AlgorithmIdentifier) encrypted.
 * Throws UNSUPPORTED_ALGORITHM by name, LIMIT_EXCEEDED before any work is done, WRONG_PASSWORD when the padding is wrong.
 */
export function decryptWithPassword(options: {
  algorithm: DerReader;
  data: Uint8Array;
  password: Password;
  budget: IterationBudget;
  what: string;
}): Buffer {
  const { algorithm, data, password, budget, what } = options;
  const scheme = algorithm.oid();
  const decrypt = scheme === PBES2 ? pbes2(algorithm, budget, what) : pkcs12Scheme(scheme, { algorithm, budget, what });
  try {
    return decrypt(password, data);
  } catch (error) {
    if (error instanceof X509Error && error.reason !== 'MALFORMED') throw error;
    throw wrongPassword(what);
  }
}

type Decrypt = (password: Password, data: Uint8Array) => Buffer;

function decipher(cipher: string, key: Uint8Array, iv: Uint8Array): (data: Uint8Array) => Buffer {
  const state = createDecipheriv(cipher, key, iv);
  return (data) => Buffer.concat([state.update(data), state.final()]);
}

/** PBES2 (RFC 8018 section 6.2) with PBKDF2. */
function pbes2(algorithm: DerReader, budget: IterationBudget, what: string): Decrypt {
  const parameters = algorithm.enter(TAG.sequence);
  const kdf = parameters.enter(TAG.sequence);
  const kdfOid = kdf.oid();
  if (kdfOid !== PBKDF2) throw unsupportedAlgorithm(what, `key derivation ${kdfOid}`);
  const pbkdf2 = kdf.enter(TAG.sequence);
  const salt = pbkdf2.octets();
  const iterations = pbkdf2.integer();
  if (pbkdf2.peek() === TAG.integer) pbkdf2.next();
  let digest: Digest = 'sha1';
  if (pbkdf2.peek() === TAG.sequence) {
    const prf = pbkdf2.enter(TAG.sequence).oid();
    digest = HMAC_OIDS[prf] ?? raise(unsupportedAlgorithm(what, `PBKDF2 with ${prf}`));
  }
  const encryption = parameters.enter(TAG.sequence);
  const cipherOid = encryption.oid();
  const { cipher, keyLength } = CIPHER_OIDS[cipherOid] ?? raise(unsupportedAlgorithm(what, `cipher ${cipherOid}`));
  const iv = encryption.octets();
  budget.spend(iterations);
  return (password, data) =>
    decipher(cipher, pbkdf2Sync(password ?? '', salt, iterations, keyLength, digest), iv)(data);
}

function pkcs12Scheme(scheme: string, from: { algorithm: DerReader; budget: IterationBudget; what: string }): Decrypt {
  const known = PKCS12_SCHEMES[scheme] ?? raise(unsupportedAlgorithm(from.what, SCHEME_NAMES[scheme] ?? scheme));
  const parameters = from.algorithm.enter(TAG.sequence);
  const salt = parameters.octets();
  const iterations = parameters.integer();
  from.budget.spend(2 * iterations);
  return (password, data) => {
    const derive = (purpose: 1 | 2, length: number) =>
      derivePkcs12Key({ digest: 'sha1', password, salt, iterations, purpose, length });
    let key = derive(1, known.keyLength);
    const iv = derive(2, 8);
    if (known.cipher === 'rc2') return decryptRc2Cbc({ key, iv, data, effectiveBits: known.keyLength * 8 });
    if (key.length === 16) key = Buffer.concat([key, key.subarray(0, 8)]);
    return decipher(known.cipher, key, iv)(data);
  };
}

/** Key derivation of RFC 7292 appendix B.2; purpose 1 = key, 2 = IV, 3 = MAC key. `length` in bytes. */
export function derivePkcs12Key(options: {
  digest: Digest;
  password: Password;
  salt: Uint8Array;
  iterations: number;
  purpose: 1 | 2 | 3;
  length: number;
}): Buffer {
  const { digest, password, salt, iterations, purpose, length } = options;
  const block = digest === 'sha384' || digest === 'sha512' ? 128 : 64;
  const secret = password === undefined ? Buffer.alloc(0) : Buffer.from(`${password}\0`, 'utf16le').swap16();
  const diversifier = Buffer.alloc(block, purpose);
  const input = Buffer.concat([fill(salt, block), fill(secret, block)]);
  const out: Buffer[] = [];
  for (let have = 0; have < length;) {
    let digested = hash(digest, Buffer.concat([diversifier, input]), 'buffer');
    for (let i = 1; i < iterations; i++) digested = hash(digest, digested, 'buffer');
    out.push(digested);
    have += digested.length;
    const addend = fill(digested, block).subarray(0, block);
    for (let at = 0; at < input.length; at += block) addWithOne(input.subarray(at, at + block), addend);
  }
  return Buffer.concat(out).subarray(0, length);
}

/** `bytes` repeated to a multiple of `block`; nothing stays nothing. */
function fill(bytes: Uint8Array, block: number): Buffer {
  if (bytes.length === 0) return Buffer.alloc(0);
  return Buffer.alloc(Math.ceil(bytes.length / block) * block, bytes);
}

function addWithOne(target: Uint8Array, addend: Uint8Array): void {
  let carry = 1;
  for (let i = target.length - 1; i >= 0; i--) {
    carry += target[i]! + addend[i]!;
    target[i] = carry & 0xff;
    carry >>= 8;
  }
}

/** PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC: the AlgorithmIdentifier and the ciphertext. */
export function encryptWithPassword(data: Uint8Array, password: string): { algorithm: Buffer; encrypted: Buffer } {
  const salt = randomBytes(16);
  const iv = randomBytes(16);
  const cipher = createCipheriv('aes-256-cbc', pbkdf2Sync(password, salt, WRITTEN_ITERATIONS, 32, 'sha256'), iv);
  const encrypted = Buffer.concat([cipher.update(data), cipher.final()]);
  const kdf = sequence(
    oid(PBKDF2),
    sequence(octetString(salt), integer(WRITTEN_ITERATIONS), sequence(oid('1.2.840.113549.2.9'), derNull())),
  );
  const algorithm = sequence(oid(PBES2), sequence(kdf, sequence(oid('2.16.840.1.101.3.4.1.42'), octetString(iv))));
  return { algorithm, encrypted };
}
