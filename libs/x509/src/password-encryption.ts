import { raise } from '@certferry/core';
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, pbkdf2Sync, randomBytes, scryptSync } from 'node:crypto';
import { type DerReader, TAG } from './der-reader.ts';
import { derNull, integer, octetString, oid, sequence } from './der-writer.ts';
import { decryptRc2Cbc } from './rc2.ts';
import { rc4 } from './rc4.ts';
import { repeatDigest } from './repeat-digest.ts';
import { malformed, overLimit, unsupportedAlgorithm, wrongPassword, X509Error } from './x509-error.ts';

export const MAX_KDF_ITERATIONS = 5_000_000;
/** What we write: NIST SP 800-132 asks for as many as the user can bear; keytool's own default. */
export const WRITTEN_ITERATIONS = 10_000;
/** As Windows writes them, which is what old readers were tested with. */
export const LEGACY_ITERATIONS = 2_000;

/** Counts key derivation iterations over a whole container, before they are spent. */
export class IterationBudget {
  /** Lowered by the fuzzer, which opens more containers than it can wait for. */
  static limit = MAX_KDF_ITERATIONS;
  /** Counts over all containers of one opening as well. */
  static #together: IterationBudget | undefined;
  spent = 0;

  /** What `open` opens, with as many tries as it makes, has one budget together. It must not wait for anything. */
  static together<T>(open: () => T): T {
    const outer = IterationBudget.#together;
    IterationBudget.#together = outer ?? new IterationBudget();
    try {
      return open();
    } finally {
      IterationBudget.#together = outer;
    }
  }

  /** LIMIT_EXCEEDED when the sum passes 5,000,000. */
  spend(iterations: number): void {
    if (iterations < 1) throw malformed('iteration count');
    this.spent += iterations;
    const together = IterationBudget.#together ?? this;
    if (together !== this) together.spent += iterations;
    if (together.spent > IterationBudget.limit) {
      throw overLimit(
        'key derivation iterations',
        IterationBudget.limit,
        `The container asks for ${together.spent} iterations`,
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

export const HMAC_OIDS: Record<string, Digest> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

const CIPHER_OIDS: Record<string, { cipher: string; keyLength: number }> = {
  '1.3.14.3.2.7': { cipher: 'des-cbc', keyLength: 8 },
  '1.2.840.113549.3.7': { cipher: 'des-ede3-cbc', keyLength: 24 },
  '2.16.840.1.101.3.4.1.2': { cipher: 'aes-128-cbc', keyLength: 16 },
  '2.16.840.1.101.3.4.1.22': { cipher: 'aes-192-cbc', keyLength: 24 },
  '2.16.840.1.101.3.4.1.42': { cipher: 'aes-256-cbc', keyLength: 32 },
  '1.2.392.200011.61.1.1.1.2': { cipher: 'camellia-128-cbc', keyLength: 16 },
  '1.2.392.200011.61.1.1.1.3': { cipher: 'camellia-192-cbc', keyLength: 24 },
  '1.2.392.200011.61.1.1.1.4': { cipher: 'camellia-256-cbc', keyLength: 32 },
  '1.2.410.200046.1.1.2': { cipher: 'aria-128-cbc', keyLength: 16 },
  '1.2.410.200046.1.1.7': { cipher: 'aria-192-cbc', keyLength: 24 },
  '1.2.410.200046.1.1.12': { cipher: 'aria-256-cbc', keyLength: 32 },
};

const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const SCRYPT = '1.3.6.1.4.1.11591.4.11';

/** Password-based encryption of PKCS#12 (RFC 7292 appendix C). */
const PKCS12_SCHEMES: Record<string, { cipher: 'des-ede3-cbc' | 'rc2' | 'rc4'; keyLength: number }> = {
  '1.2.840.113549.1.12.1.1': { cipher: 'rc4', keyLength: 16 },
  '1.2.840.113549.1.12.1.2': { cipher: 'rc4', keyLength: 5 },
  '1.2.840.113549.1.12.1.3': { cipher: 'des-ede3-cbc', keyLength: 24 },
  '1.2.840.113549.1.12.1.4': { cipher: 'des-ede3-cbc', keyLength: 16 },
  '1.2.840.113549.1.12.1.5': { cipher: 'rc2', keyLength: 16 },
  '1.2.840.113549.1.12.1.6': { cipher: 'rc2', keyLength: 5 },
};

/** PBES1 (RFC 8018 section 6.1): a key and an IV of 8 bytes each out of PBKDF1. */
const PBES1_SCHEMES: Record<string, { digest: 'md5' | 'sha1'; cipher: 'des' | 'rc2' }> = {
  '1.2.840.113549.1.5.3': { digest: 'md5', cipher: 'des' },
  '1.2.840.113549.1.5.6': { digest: 'md5', cipher: 'rc2' },
  '1.2.840.113549.1.5.10': { digest: 'sha1', cipher: 'des' },
  '1.2.840.113549.1.5.11': { digest: 'sha1', cipher: 'rc2' },
};

const SCHEME_NAMES: Record<string, string> = {
  '1.2.840.113549.1.5.1': 'pbeWithMD2AndDES-CBC',
  '1.2.840.113549.1.5.4': 'pbeWithMD2AndRC2-CBC',
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
  const from = { algorithm, budget, what };
  const decrypt =
    scheme === PBES2
      ? pbes2(from)
      : scheme in PBES1_SCHEMES
        ? pbes1(PBES1_SCHEMES[scheme]!, from)
        : pkcs12Scheme(scheme, from);
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

interface SchemeParameters {
  algorithm: DerReader;
  budget: IterationBudget;
  what: string;
}

/** PBES2 (RFC 8018 section 6.2) with PBKDF2 or scrypt (RFC 7914 section 7). */
function pbes2({ algorithm, budget, what }: SchemeParameters): Decrypt {
  const parameters = algorithm.enter(TAG.sequence);
  const derive = readKdf(parameters.enter(TAG.sequence), { budget, what });
  const encryption = parameters.enter(TAG.sequence);
  const cipherOid = encryption.oid();
  if (cipherOid === RC2_CBC) return rc2(encryption, derive);
  const { cipher, keyLength } = CIPHER_OIDS[cipherOid] ?? raise(unsupportedAlgorithm(what, `cipher ${cipherOid}`));
  const iv = encryption.octets();
  return (password, data) => {
    const key = derive(password, keyLength);
    return cipher === 'des-cbc' ? desCbc(key, iv)(data) : decipher(cipher, key, iv)(data);
  };
}

/** DES is triple DES with three times the same key; OpenSSL 3 has only the latter. */
const desCbc = (key: Uint8Array, iv: Uint8Array) => decipher('des-ede3-cbc', Buffer.concat([key, key, key]), iv);

const RC2_CBC = '1.2.840.113549.3.2';
/** Effective key bits by the version number in the parameters (RFC 2268 section 6). */
const RC2_BITS: Record<number, number> = { 160: 40, 120: 64, 58: 128 };

function rc2(encryption: DerReader, derive: Derive): Decrypt {
  const parameters = encryption.enter(TAG.sequence);
  const version = parameters.peek() === TAG.integer ? parameters.integer() : 32;
  const effectiveBits = RC2_BITS[version] ?? (version >= 256 ? version : 32);
  const iv = parameters.octets();
  return (password, data) =>
    decryptRc2Cbc({ key: derive(password, Math.ceil(effectiveBits / 8)), iv, data, effectiveBits });
}

type Derive = (password: Password, keyLength: number) => Buffer;

/** A key derivation function by its AlgorithmIdentifier; its work is counted before it is done. */
export function readKdf(kdf: DerReader, { budget, what }: { budget: IterationBudget; what: string }): Derive {
  const id = kdf.oid();
  if (id === SCRYPT) return readScrypt(kdf.enter(TAG.sequence), { budget, what });
  if (id !== PBKDF2) throw unsupportedAlgorithm(what, `key derivation ${id}`);
  const pbkdf2 = kdf.enter(TAG.sequence);
  const salt = pbkdf2.octets();
  const iterations = pbkdf2.integer();
  if (pbkdf2.peek() === TAG.integer) pbkdf2.next();
  let digest: Digest = 'sha1';
  if (pbkdf2.peek() === TAG.sequence) {
    const prf = pbkdf2.enter(TAG.sequence).oid();
    digest = HMAC_OIDS[prf] ?? raise(unsupportedAlgorithm(what, `PBKDF2 with ${prf}`));
  }
  budget.spend(iterations);
  return (password, keyLength) => pbkdf2Sync(password ?? '', salt, iterations, keyLength, digest);
}

/** What scrypt may take: 128 N r bytes. */
const MAX_SCRYPT_BYTES = 64 * 1024 * 1024;

function readScrypt(scrypt: DerReader, { budget, what }: { budget: IterationBudget; what: string }): Derive {
  const salt = scrypt.octets();
  const [N, r, p] = [scrypt.integer(), scrypt.integer(), scrypt.integer()];
  const maxmem = 128 * N * r + 128 * r * p + 4096;
  if (128 * N * r > MAX_SCRYPT_BYTES || p > 16)
    throw overLimit('scrypt bytes', MAX_SCRYPT_BYTES, `The ${what} asks for ${128 * N * r} bytes`);
  if (N < 2 || (N & (N - 1)) !== 0 || r < 1 || p < 1) throw malformed('scrypt parameters');
  budget.spend(N * p);
  return (password, keyLength) => scryptSync(password ?? '', salt, keyLength, { N, r, p, maxmem: 2 * maxmem });
}

function pbes1({ digest, cipher }: { digest: 'md5' | 'sha1'; cipher: 'des' | 'rc2' }, from: SchemeParameters): Decrypt {
  const parameters = from.algorithm.enter(TAG.sequence);
  const salt = parameters.octets();
  const iterations = parameters.integer();
  from.budget.spend(iterations);
  return (password, data) => {
    const input = Buffer.concat([Buffer.from(password ?? ''), salt]);
    const derived = repeatDigest(digest, { input, times: iterations });
    const [key, iv] = [derived.subarray(0, 8), derived.subarray(8, 16)];
    if (cipher === 'rc2') return decryptRc2Cbc({ key, iv, data, effectiveBits: 64 });
    return desCbc(key, iv)(data);
  };
}

function pkcs12Scheme(scheme: string, from: SchemeParameters): Decrypt {
  const known = PKCS12_SCHEMES[scheme] ?? raise(unsupportedAlgorithm(from.what, SCHEME_NAMES[scheme] ?? scheme));
  const parameters = from.algorithm.enter(TAG.sequence);
  const salt = parameters.octets();
  const iterations = parameters.integer();
  from.budget.spend(2 * iterations);
  return (password, data) => {
    const derive = (purpose: 1 | 2, length: number) =>
      derivePkcs12Key({ digest: 'sha1', password, salt, iterations, purpose, length });
    let key = derive(1, known.keyLength);
    if (known.cipher === 'rc4') return rc4(key, data);
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
    const digested = repeatDigest(digest, { input: Buffer.concat([diversifier, input]), times: iterations });
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

/** What encrypts: "modern" is PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC, "legacy" PKCS#12's own with SHA-1 and 3DES. */
export type EncryptionProfile = 'modern' | 'legacy';

/** An AlgorithmIdentifier and what it encrypted. */
interface Encrypted {
  algorithm: Buffer;
  encrypted: Buffer;
}

export function encryptWithPassword(data: Uint8Array, password: string, profile: EncryptionProfile): Encrypted {
  return profile === 'modern' ? encryptModern(data, password) : encryptLegacy(data, password);
}

/** pbeWithSHAAnd3-KeyTripleDES-CBC (RFC 7292 appendix C). */
function encryptLegacy(data: Uint8Array, password: string): Encrypted {
  const salt = randomBytes(8);
  const derive = (purpose: 1 | 2, length: number) =>
    derivePkcs12Key({ digest: 'sha1', password, salt, iterations: LEGACY_ITERATIONS, purpose, length });
  const cipher = createCipheriv('des-ede3-cbc', derive(1, 24), derive(2, 8));
  const parameters = sequence(octetString(salt), integer(LEGACY_ITERATIONS));
  return {
    algorithm: sequence(oid('1.2.840.113549.1.12.1.3'), parameters),
    encrypted: Buffer.concat([cipher.update(data), cipher.final()]),
  };
}

function encryptModern(data: Uint8Array, password: string): Encrypted {
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
