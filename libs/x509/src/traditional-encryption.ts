import { Buffer } from 'node:buffer';
import { createDecipheriv, getCipherInfo, hash, type Decipheriv } from 'node:crypto';
import type { Password } from './password-secret.ts';
import { decryptRc2Cbc } from './rc2.ts';
import { malformed, passwordRequired, unsupportedAlgorithm, wrongPassword, type X509Error } from './x509-error.ts';

const WHAT = 'private key';
const SALT_BYTES = 8;

/**
 * Decrypts the body of a PEM block by its RFC 1421 headers, as OpenSSL writes traditional keys ("DEK-Info: AES-256-CBC,…").
 * The key is a single round of MD5, so no work limit is needed.
 * Throws PASSWORD_REQUIRED, WRONG_PASSWORD when the padding is wrong, UNSUPPORTED_ALGORITHM, MALFORMED.
 */
export function decryptTraditional(block: { headers: string; bytes: Uint8Array }, password: Password): Buffer {
  const [, name, iv] = /^DEK-Info: *([\w-]+) *, *([0-9A-F]+)$/im.exec(block.headers) ?? [];
  if (!name || !iv) throw malformedHeader();
  if (password === undefined) throw passwordRequired(WHAT);
  const decrypt = startDecrypting({ name, password, iv: Buffer.from(iv, 'hex') });
  try {
    return decrypt(block.bytes);
  } catch {
    throw wrongPassword(WHAT);
  }
}

const malformedHeader = (): X509Error => malformed('DEK-Info header of the private key');

function startDecrypting(from: { name: string; password: string; iv: Buffer }): (data: Uint8Array) => Buffer {
  const { password, iv } = from;
  const name = from.name.toLowerCase();
  const info = getCipherInfo(name);
  if (!info || !['cbc', 'cfb', 'ofb', 'ctr'].includes(info.mode ?? '')) throw unsupportedAlgorithm(WHAT, from.name);
  if (iv.length !== info.ivLength) throw malformedHeader();
  const key = deriveKey(password, iv.subarray(0, SALT_BYTES), info.keyLength);
  if (name === 'rc2-cbc') return (data) => decryptRc2Cbc({ key, iv, data, effectiveBits: 128 });
  // DES is triple DES with three times the same key; OpenSSL 3 has only the latter.
  if (name === 'des-cbc') return finish(createDecipheriv('des-ede3-cbc', Buffer.concat([key, key, key]), iv));
  try {
    return finish(createDecipheriv(name, key, iv));
  } catch {
    throw unsupportedAlgorithm(WHAT, from.name);
  }
}

const finish =
  (state: Decipheriv) =>
  (data: Uint8Array): Buffer =>
    Buffer.concat([state.update(data), state.final()]);

/** OpenSSL's EVP_BytesToKey with MD5 and a count of one. */
function deriveKey(password: string, salt: Uint8Array, length: number): Buffer {
  let derived = Buffer.alloc(0);
  let last = Buffer.alloc(0);
  while (derived.length < length) {
    last = hash('md5', Buffer.concat([last, Buffer.from(password), salt]), 'buffer');
    derived = Buffer.concat([derived, last]);
  }
  return derived.subarray(0, length);
}
