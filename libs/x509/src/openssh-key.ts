import { Buffer } from 'node:buffer';
import { createDecipheriv, createPrivateKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import bcrypt from 'bcrypt-pbkdf';
import type { IterationBudget } from './password-encryption.ts';
import type { Password } from './password-secret.ts';
import { malformed, passwordRequired, truncated, unsupportedAlgorithm, wrongPassword } from './x509-error.ts';

const WHAT = 'OpenSSH private key';
const MAGIC = Buffer.from('openssh-key-v1\0');
/** One round of bcrypt costs about as much as so many of SHA-1. */
const COST_OF_A_ROUND = 20_000;

const CIPHERS: Record<string, { cipher: string; key: number; iv: number; tag?: number }> = {
  'aes128-ctr': { cipher: 'aes-128-ctr', key: 16, iv: 16 },
  'aes192-ctr': { cipher: 'aes-192-ctr', key: 24, iv: 16 },
  'aes256-ctr': { cipher: 'aes-256-ctr', key: 32, iv: 16 },
  'aes128-cbc': { cipher: 'aes-128-cbc', key: 16, iv: 16 },
  'aes192-cbc': { cipher: 'aes-192-cbc', key: 24, iv: 16 },
  'aes256-cbc': { cipher: 'aes-256-cbc', key: 32, iv: 16 },
  'aes256-gcm@openssh.com': { cipher: 'aes-256-gcm', key: 32, iv: 12, tag: 16 },
};

/** Strings and numbers of SSH's wire form (RFC 4251 section 5). */
class SshReader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  number(): number {
    if (this.at + 4 > this.#bytes.length) throw truncated(WHAT, this.#bytes.length);
    this.at += 4;
    return this.#bytes.readUInt32BE(this.at - 4);
  }

  bytes(): Buffer {
    const length = this.number();
    if (this.at + length > this.#bytes.length) throw truncated(WHAT, this.#bytes.length);
    this.at += length;
    return this.#bytes.subarray(this.at - length, this.at);
  }

  text(): string {
    return this.bytes().toString('latin1');
  }

  rest(): Buffer {
    return this.#bytes.subarray(this.at);
  }
}

export const isOpenSshKey = (bytes: Uint8Array): boolean =>
  Buffer.compare(bytes.subarray(0, MAGIC.length), MAGIC) === 0;

/** The one key of an OpenSSH file (PROTOCOL.key of OpenSSH). */
export function readOpenSshKey(bytes: Uint8Array, password: Password, budget: IterationBudget): KeyObject {
  if (!isOpenSshKey(bytes)) throw malformed(WHAT, 0);
  const file = new SshReader(Buffer.from(bytes.subarray(MAGIC.length)));
  const [cipher, kdf] = [file.text(), file.text()];
  const options = new SshReader(file.bytes());
  if (file.number() !== 1) throw malformed(`${WHAT}: it must hold one key`);
  file.bytes();
  const data = file.bytes();
  if (cipher === 'none') return readPrivate(new SshReader(data));
  const known = CIPHERS[cipher];
  if (!known) throw unsupportedAlgorithm(WHAT, cipher);
  if (kdf !== 'bcrypt') throw unsupportedAlgorithm(WHAT, `key derivation ${kdf}`);
  if (!password) throw passwordRequired(WHAT);
  const [salt, rounds] = [options.bytes(), options.number()];
  budget.spend(rounds * COST_OF_A_ROUND);
  const derived = Buffer.alloc(known.key + known.iv);
  const secret = Buffer.from(password);
  if (bcrypt.pbkdf(secret, secret.length, salt, salt.length, derived, derived.length, rounds) !== 0)
    throw malformed(WHAT);
  const [key, iv] = [derived.subarray(0, known.key), derived.subarray(known.key)];
  try {
    const state = createDecipheriv(known.cipher as 'aes-256-gcm', key, iv);
    state.setAutoPadding(false);
    if (known.tag) state.setAuthTag(file.rest().subarray(0, known.tag));
    const plain = Buffer.concat([state.update(data), state.final()]);
    return readPrivate(new SshReader(plain));
  } catch {
    throw wrongPassword(WHAT);
  }
}

const url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');
/** A number without the zero that keeps it positive, at least `length` bytes. */
function unsigned(bytes: Buffer, length = 0): string {
  let at = 0;
  while (at < bytes.length - 1 && bytes[at] === 0) at++;
  const number = bytes.subarray(at);
  return url(Buffer.concat([Buffer.alloc(Math.max(0, length - number.length)), number]));
}

const CURVES: Record<string, { crv: string; length: number }> = {
  nistp256: { crv: 'P-256', length: 32 },
  nistp384: { crv: 'P-384', length: 48 },
  nistp521: { crv: 'P-521', length: 66 },
};

function readPrivate(reader: SshReader): KeyObject {
  if (reader.number() !== reader.number()) throw wrongPassword(WHAT);
  return createPrivateKey({ key: readJwk(reader), format: 'jwk' });
}

function readJwk(reader: SshReader): JsonWebKey {
  const type = reader.text();
  if (type === 'ssh-ed25519') {
    reader.bytes();
    const both = reader.bytes();
    return { kty: 'OKP', crv: 'Ed25519', d: url(both.subarray(0, 32)), x: url(both.subarray(32)) };
  }
  if (type === 'ssh-rsa') {
    const [n, e, d, qi, p, q] = [0, 1, 2, 3, 4, 5].map(() => reader.bytes()) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    const number = (bytes: Buffer) => BigInt(`0x${bytes.toString('hex') || '0'}`);
    const modulo = (by: Buffer) => {
      const hex = (number(d) % (number(by) - 1n)).toString(16);
      return unsigned(Buffer.from(hex.length % 2 ? `0${hex}` : hex, 'hex'));
    };
    const parts = { n: unsigned(n), e: unsigned(e), d: unsigned(d), p: unsigned(p), q: unsigned(q) };
    return { kty: 'RSA', ...parts, dp: modulo(p), dq: modulo(q), qi: unsigned(qi) };
  }
  const curve = CURVES[type.replace('ecdsa-sha2-', '')];
  if (!curve) throw unsupportedAlgorithm(WHAT, type);
  reader.bytes();
  const point = reader.bytes();
  if (point[0] !== 4 || point.length !== 1 + 2 * curve.length) throw malformed(`${WHAT}: its point`);
  const [x, y] = [point.subarray(1, 1 + curve.length), point.subarray(1 + curve.length)];
  return { kty: 'EC', crv: curve.crv, x: url(x), y: url(y), d: unsigned(reader.bytes(), curve.length) };
}
