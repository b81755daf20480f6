import { Buffer } from 'node:buffer';
import { createCipheriv, pbkdf2Sync, randomBytes } from 'node:crypto';
import { DerReader, TAG } from './der-reader.ts';
import { derNull, integer, octetString, oid, sequence } from './der-writer.ts';
import { CIPHER_OIDS, HMAC_OIDS, type Digest } from './password-algorithms.ts';
import { readKdf } from './password-encryption.ts';
import { plainSecret } from './password-secret.ts';
import { derivePkcs12Key } from './pkcs12-kdf.ts';
import { ifReadable } from './x509-error.ts';

/** What we write: NIST SP 800-132 asks for as many as the user can bear; keytool's own default. */
export const WRITTEN_ITERATIONS = 10_000;
/** As Windows writes them, which is what old readers were tested with. */
export const LEGACY_ITERATIONS = 2_000;

/** What encrypts: "modern" is PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC, "legacy" PKCS#12's own with SHA-1 and 3DES. */
export type EncryptionProfile = 'modern' | 'legacy';

/** How something is encrypted by a password: what is written, and of what was read what can be written again. */
export type Encryption =
  { scheme: 'pbes2'; cipher: string; prf: Digest; iterations: number } | { scheme: 'pkcs12-3des'; iterations: number };

export const ENCRYPTIONS: Record<EncryptionProfile, Encryption> = {
  modern: { scheme: 'pbes2', cipher: 'aes-256-cbc', prf: 'sha256', iterations: WRITTEN_ITERATIONS },
  legacy: { scheme: 'pkcs12-3des', iterations: LEGACY_ITERATIONS },
};

export const profileOf = ({ scheme }: Encryption): EncryptionProfile => (scheme === 'pbes2' ? 'modern' : 'legacy');

const PBES2 = '1.2.840.113549.1.5.13';
const PBKDF2 = '1.2.840.113549.1.5.12';
const PKCS12_SCHEMES = '1.2.840.113549.1.12.1.';
const PKCS12_3DES = '1.2.840.113549.1.12.1.3';

/** An AlgorithmIdentifier of PBKDF2 (RFC 8018 appendix A.2). */
export function pbkdf2Algorithm(of: { salt: Buffer; iterations: number; prf: Digest; keyLength?: number }): Buffer {
  const { salt, iterations, prf, keyLength } = of;
  const length = keyLength === undefined ? [] : [integer(keyLength)];
  const parameters = sequence(octetString(salt), integer(iterations), ...length, hmacAlgorithm(prf));
  return sequence(oid(PBKDF2), parameters);
}

/** RSA's number for an HMAC where it has one: that is what others read. */
export const hmacAlgorithm = (digest: Digest): Buffer =>
  sequence(oid(Object.keys(HMAC_OIDS).findLast((one) => HMAC_OIDS[one] === digest)!), derNull());

/**
 * How an AlgorithmIdentifier says that something was encrypted, so that it can be encrypted like that again: the nearest
 * that we write, 3DES for all of PKCS#12's own. Undefined for what has nothing like it.
 */
export function readEncryption(algorithm: Uint8Array): Encryption | undefined {
  return ifReadable(() => {
    const reader = new DerReader(algorithm, 'encryption').enter(TAG.sequence);
    const scheme = reader.oid();
    const parameters = reader.enter(TAG.sequence);
    if (scheme.startsWith(PKCS12_SCHEMES)) {
      parameters.octets();
      return { scheme: 'pkcs12-3des', iterations: parameters.integer() };
    }
    if (scheme !== PBES2) return undefined;
    const { cost, prf } = readKdf(parameters.enter(TAG.sequence), 'encryption');
    const cipher = CIPHER_OIDS[parameters.enter(TAG.sequence).oid()]?.cipher;
    if (!prf || !cipher || cipher === 'des-cbc') return { ...ENCRYPTIONS.modern, iterations: WRITTEN_ITERATIONS };
    return { scheme: 'pbes2', cipher, prf, iterations: cost };
  });
}

/** An AlgorithmIdentifier and what it encrypted. */
interface Encrypted {
  algorithm: Buffer;
  encrypted: Buffer;
}

export function encryptWithPassword(data: Uint8Array, password: string, encryption: Encryption): Encrypted {
  return encryption.scheme === 'pbes2'
    ? encryptPbes2(data, password, encryption)
    : encrypt3Des(data, password, encryption.iterations);
}

/** pbeWithSHAAnd3-KeyTripleDES-CBC (RFC 7292 appendix C). */
function encrypt3Des(data: Uint8Array, password: string, iterations: number): Encrypted {
  const salt = randomBytes(8);
  const secret = plainSecret(password).bmp;
  const derive = (purpose: 1 | 2, length: number) =>
    derivePkcs12Key({ digest: 'sha1', secret, salt, iterations, purpose, length });
  const cipher = createCipheriv('des-ede3-cbc', derive(1, 24), derive(2, 8));
  return {
    algorithm: sequence(oid(PKCS12_3DES), sequence(octetString(salt), integer(iterations))),
    encrypted: Buffer.concat([cipher.update(data), cipher.final()]),
  };
}

function encryptPbes2(data: Uint8Array, password: string, by: Extract<Encryption, { scheme: 'pbes2' }>): Encrypted {
  const salt = randomBytes(16);
  const [id, { cipher, keyLength }] = Object.entries(CIPHER_OIDS).find(([, one]) => one.cipher === by.cipher)!;
  const iv = randomBytes(cipher === 'des-ede3-cbc' ? 8 : 16);
  const state = createCipheriv(cipher, pbkdf2Sync(password, salt, by.iterations, keyLength, by.prf), iv);
  const encrypted = Buffer.concat([state.update(data), state.final()]);
  const kdf = pbkdf2Algorithm({ salt, iterations: by.iterations, prf: by.prf });
  return { algorithm: sequence(oid(PBES2), sequence(kdf, sequence(oid(id), octetString(iv)))), encrypted };
}
