import { raise } from '@certferry/core';
import { Buffer } from 'node:buffer';
import { createDecipheriv, pbkdf2Sync, scryptSync } from 'node:crypto';
import { DerReader, TAG } from './der-reader.ts';
import { decryptRc2Cbc } from './rc2.ts';
import { CIPHER_OIDS, DIGEST_OIDS, HMAC_OIDS, unsupportedOid, type Digest } from './password-algorithms.ts';
import type { Secret } from './password-secret.ts';
import { derivePkcs12Key } from './pkcs12-kdf.ts';
import { rc4 } from './rc4.ts';
import { repeatDigest } from './repeat-digest.ts';
import { ifReadable, malformed, overLimit, wrongPassword, X509Error } from './x509-error.ts';

export const MAX_KDF_ITERATIONS = 5_000_000;

/** What setting up ciphers and digests costs, in iterations. */
const LEAST_OF_TRY = 200;

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

  /** What one more password on so many bytes costs beside its iterations: they are read and hashed again, 64 at a time. */
  static spendTry(bytes: number): void {
    IterationBudget.#together?.spend(LEAST_OF_TRY + Math.ceil(bytes / 64));
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

/** Reads a digest AlgorithmIdentifier. */
export function readDigest(algorithm: DerReader, what: string): Digest {
  const id = algorithm.oid();
  return DIGEST_OIDS[id] ?? raise(unsupportedOid(what, 'digest', id));
}

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

/** What `algorithm` (inside an AlgorithmIdentifier) encrypted: one DER value. */
export interface EncryptedValue {
  algorithm: DerReader;
  data: Uint8Array;
  budget: IterationBudget;
  what: string;
}

/**
 * Decrypts it with the first of the secrets that opens it, and answers that too.
 * Throws UNSUPPORTED_ALGORITHM by name, LIMIT_EXCEEDED before any work is done, WRONG_PASSWORD when what comes out is
 * not padded, or no DER value.
 */
export function decryptWithSecrets(
  { algorithm, data, budget, what }: EncryptedValue,
  secrets: readonly Secret[],
): { plain: Buffer; secret: Secret } {
  const { decrypt, depends, cost } = readScheme({ algorithm, what });
  const tried = new Set<string>();
  for (const secret of secrets) {
    const relevant = depends(secret);
    if (tried.has(relevant)) continue;
    tried.add(relevant);
    budget.spend(cost);
    const plain = attempt(() => decrypt(secret, data));
    if (plain && isOneValue(plain)) return { plain, secret };
  }
  throw wrongPassword(what);
}

/** Undefined where a wrong key shows in the padding, or in data of a length that no key can have made. */
function attempt(decrypt: () => Buffer): Buffer | undefined {
  try {
    return decrypt();
  } catch (error) {
    if (error instanceof X509Error && error.reason !== 'MALFORMED') throw error;
    return undefined;
  }
}

/** A wrong key passes for a right one in one of 256 cases, or always where the cipher has no padding. */
function isOneValue(plain: Buffer): boolean {
  if (plain[0] !== TAG.sequence) return false;
  if (plain[1] === 0x80) return true;
  return ifReadable(() => plain.length - new DerReader(plain, 'decrypted value').next().end < 16) ?? false;
}

/** How something was encrypted. */
interface Scheme {
  decrypt: (secret: Secret, data: Uint8Array) => Buffer;
  /** What of a secret it depends on: two secrets alike in this give the same. */
  depends: (secret: Secret) => string;
  /** Iterations of one try. */
  cost: number;
}

function readScheme(from: SchemeParameters): Scheme {
  const scheme = from.algorithm.oid();
  if (scheme === PBES2) return pbes2(from);
  if (Object.hasOwn(PBES1_SCHEMES, scheme)) return pbes1(PBES1_SCHEMES[scheme]!, from);
  return pkcs12Scheme(scheme, from);
}

const byOctets = ({ octets, ofNss = false }: Secret): string => `${ofNss} ${octets.toString('hex')}`;
const byBmp = ({ bmp }: Secret): string => bmp.toString('hex');

function decipher(cipher: string, key: Uint8Array, iv: Uint8Array): (data: Uint8Array) => Buffer {
  const state = createDecipheriv(cipher, key, iv);
  return (data) => Buffer.concat([state.update(data), state.final()]);
}

interface SchemeParameters {
  algorithm: DerReader;
  what: string;
}

/** PBES2 (RFC 8018 section 6.2) with PBKDF2 or scrypt (RFC 7914 section 7). */
function pbes2({ algorithm, what }: SchemeParameters): Scheme {
  const parameters = algorithm.enter(TAG.sequence);
  const { derive, cost, keyLength: given } = readKdf(parameters.enter(TAG.sequence), what);
  const encryption = parameters.enter(TAG.sequence);
  const cipherOid = encryption.oid();
  if (cipherOid === RC2_CBC) return { decrypt: rc2(encryption, derive), depends: byOctets, cost };
  const { cipher, keyLength } = CIPHER_OIDS[cipherOid] ?? raise(unsupportedOid(what, 'cipher', cipherOid));
  const iv = encryption.octets();
  const decrypt = (secret: Secret, data: Uint8Array): Buffer => {
    const isLonger = secret.ofNss && given === 32 && cipher.startsWith('aes-');
    const key = derive(secret, isLonger ? 32 : keyLength);
    if (cipher === 'des-cbc') return desCbc(key, iv)(data);
    return decipher(isLonger ? 'aes-256-cbc' : cipher, key, iv)(data);
  };
  return { decrypt, depends: byOctets, cost };
}

/** DES is triple DES with three times the same key; OpenSSL 3 has only the latter. */
const desCbc = (key: Uint8Array, iv: Uint8Array) => decipher('des-ede3-cbc', Buffer.concat([key, key, key]), iv);

const RC2_CBC = '1.2.840.113549.3.2';
/** Effective key bits by the version number in the parameters (RFC 2268 section 6). */
const RC2_BITS: Record<number, number> = { 160: 40, 120: 64, 58: 128 };

function rc2(encryption: DerReader, derive: Derive): Scheme['decrypt'] {
  const parameters = encryption.enter(TAG.sequence);
  const version = parameters.peek() === TAG.integer ? parameters.integer() : 32;
  const effectiveBits = RC2_BITS[version] ?? (version >= 256 ? version : 32);
  const iv = parameters.octets();
  return (secret, data) =>
    decryptRc2Cbc({ key: derive(secret, Math.ceil(effectiveBits / 8)), iv, data, effectiveBits });
}

type Derive = (secret: Secret, keyLength: number) => Buffer;

interface Kdf {
  derive: Derive;
  /** Iterations of one derivation. */
  cost: number;
  /** The key's length in bytes, where the parameters say it. */
  keyLength?: number;
  /** Of PBKDF2. */
  prf?: Digest;
}

/** A key derivation function by its AlgorithmIdentifier. */
export function readKdf(kdf: DerReader, what: string): Kdf {
  const id = kdf.oid();
  if (id === SCRYPT) return readScrypt(kdf.enter(TAG.sequence), what);
  if (id !== PBKDF2) throw unsupportedOid(what, 'key derivation', id);
  const pbkdf2 = kdf.enter(TAG.sequence);
  const salt = pbkdf2.octets();
  const iterations = pbkdf2.integer();
  const keyLength = pbkdf2.peek() === TAG.integer ? pbkdf2.integer() : undefined;
  let digest: Digest = 'sha1';
  if (pbkdf2.peek() === TAG.sequence) {
    const prf = pbkdf2.enter(TAG.sequence).oid();
    digest = HMAC_OIDS[prf] ?? raise(unsupportedOid(what, 'PBKDF2 with', prf));
  }
  const derive: Derive = ({ octets }, length) => pbkdf2Sync(octets, salt, iterations, length, digest);
  return { derive, cost: iterations, keyLength, prf: digest };
}

/** What scrypt may take: 128 N r bytes. */
const MAX_SCRYPT_BYTES = 64 * 1024 * 1024;

function readScrypt(scrypt: DerReader, what: string): Kdf {
  const salt = scrypt.octets();
  const [N, r, p] = [scrypt.integer(), scrypt.integer(), scrypt.integer()];
  const maxmem = 128 * N * r + 128 * r * p + 4096;
  if (128 * N * r > MAX_SCRYPT_BYTES || p > 16)
    throw overLimit('scrypt bytes', MAX_SCRYPT_BYTES, `The ${what} asks for ${128 * N * r} bytes`);
  if (N < 2 || (N & (N - 1)) !== 0 || r < 1 || p < 1) throw malformed('scrypt parameters');
  const derive: Derive = ({ octets }, length) => scryptSync(octets, salt, length, { N, r, p, maxmem: 2 * maxmem });
  return { derive, cost: N * p };
}

function pbes1({ digest, cipher }: { digest: 'md5' | 'sha1'; cipher: 'des' | 'rc2' }, from: SchemeParameters): Scheme {
  const parameters = from.algorithm.enter(TAG.sequence);
  const salt = parameters.octets();
  const cost = parameters.integer();
  const decrypt = ({ octets, ofNss }: Secret, data: Uint8Array): Buffer => {
    const derived = repeatDigest(digest, { input: Buffer.concat([octets, salt]), times: cost });
    const [key, iv] = [derived.subarray(0, 8), ofNss ? derived.subarray(-8) : derived.subarray(8, 16)];
    if (cipher === 'rc2') return decryptRc2Cbc({ key, iv, data, effectiveBits: 64 });
    return desCbc(key, iv)(data);
  };
  return { decrypt, depends: byOctets, cost };
}

function pkcs12Scheme(scheme: string, from: SchemeParameters): Scheme {
  const known = PKCS12_SCHEMES[scheme] ?? raise(unsupportedOid(from.what, 'encryption', scheme));
  const parameters = from.algorithm.enter(TAG.sequence);
  const salt = parameters.octets();
  const iterations = parameters.integer();
  const decrypt = ({ bmp }: Secret, data: Uint8Array): Buffer => {
    const derive = (purpose: 1 | 2, length: number) =>
      derivePkcs12Key({ digest: 'sha1', secret: bmp, salt, iterations, purpose, length });
    let key = derive(1, known.keyLength);
    if (known.cipher === 'rc4') return rc4(key, data);
    const iv = derive(2, 8);
    if (known.cipher === 'rc2') return decryptRc2Cbc({ key, iv, data, effectiveBits: known.keyLength * 8 });
    if (key.length === 16) key = Buffer.concat([key, key.subarray(0, 8)]);
    return decipher(known.cipher, key, iv)(data);
  };
  return { decrypt, depends: byBmp, cost: 2 * iterations };
}
