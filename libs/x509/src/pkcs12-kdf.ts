import { Buffer } from 'node:buffer';
import { BLOCK_BYTES, type Digest } from './password-algorithms.ts';
import { repeatDigest } from './repeat-digest.ts';

/** Key derivation of RFC 7292 appendix B.2; purpose 1 = key, 2 = IV, 3 = MAC key. `length` in bytes, `secret` as `Secret.bmp`. */
export function derivePkcs12Key(options: {
  digest: Digest;
  secret: Uint8Array;
  salt: Uint8Array;
  iterations: number;
  purpose: 1 | 2 | 3;
  length: number;
}): Buffer {
  const { digest, secret, salt, iterations, purpose, length } = options;
  const block = BLOCK_BYTES[digest];
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
