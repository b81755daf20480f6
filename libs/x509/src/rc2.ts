import { Buffer } from 'node:buffer';
import { malformed } from './x509-error.ts';

// RC2 is only read: OpenSSL 3 keeps it out of its default provider, and PKCS#12 files of many years use it.

/** PITABLE of RFC 2268 section 2. */
const PI = Buffer.from(
  'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2179a59f587b34f1361456d8d09817d32' +
    'bd8f40eb86b77b0bf09521225c6b4e8254d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626' +
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed708e8eade8052eef784aa72ac354d6a2a' +
    '961ad2715a1549744b9fd05e0418a4ecc2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731' +
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a90d38341bab33ffb0bb480c5fb9b1cd2e' +
    'c5f3db47e5a59c770aa62068fe7fc1ad',
  'hex',
);

/** Key expansion of RFC 2268 section 2: 64 words of 16 bits. */
function expandKey(key: Uint8Array, effectiveBits: number): Uint16Array {
  const bytes = new Uint8Array(128);
  bytes.set(key);
  for (let i = key.length; i < 128; i++) bytes[i] = PI[(bytes[i - 1]! + bytes[i - key.length]!) & 0xff]!;
  const effectiveBytes = Math.ceil(effectiveBits / 8);
  const mask = 0xff >> (8 * effectiveBytes - effectiveBits);
  bytes[128 - effectiveBytes] = PI[bytes[128 - effectiveBytes]! & mask]!;
  for (let i = 127 - effectiveBytes; i >= 0; i--) bytes[i] = PI[bytes[i + 1]! ^ bytes[i + effectiveBytes]!]!;
  return Uint16Array.from({ length: 64 }, (_, i) => bytes[2 * i]! | (bytes[2 * i + 1]! << 8));
}

const ROTATIONS = [1, 2, 3, 5] as const;

/** Decrypts one 64-bit block in place (RFC 2268 section 4). */
function decryptBlock(words: Uint16Array, key: Uint16Array): void {
  let j = 63;
  const mix = () => {
    for (let i = 3; i >= 0; i--) {
      const rotation = ROTATIONS[i]!;
      const word = words[i]!;
      const rotated = (word >>> rotation) | (word << (16 - rotation));
      const [a, b, c] = [words[(i + 3) & 3]!, words[(i + 2) & 3]!, words[(i + 1) & 3]!];
      words[i] = rotated - key[j--]! - (a & b) - (~a & c);
    }
  };
  const mash = () => {
    for (let i = 3; i >= 0; i--) words[i] = words[i]! - key[words[(i + 3) & 3]! & 63]!;
  };
  for (let round = 15; round >= 0; round--) {
    mix();
    if (round === 11 || round === 5) mash();
  }
}

/** RC2 in CBC mode with PKCS#7 padding. MALFORMED when the padding is wrong, as it is with a wrong key. */
export function decryptRc2Cbc(options: {
  key: Uint8Array;
  iv: Uint8Array;
  data: Uint8Array;
  effectiveBits: number;
}): Buffer {
  const { key, iv, data, effectiveBits } = options;
  if (data.length === 0 || data.length % 8) throw malformed('RC2 ciphertext');
  const expanded = expandKey(key, effectiveBits);
  const out = Buffer.alloc(data.length);
  const words = new Uint16Array(4);
  let previous = iv;
  for (let at = 0; at < data.length; at += 8) {
    const block = data.subarray(at, at + 8);
    for (let i = 0; i < 4; i++) words[i] = block[2 * i]! | (block[2 * i + 1]! << 8);
    decryptBlock(words, expanded);
    for (let i = 0; i < 8; i++) out[at + i] = ((words[i >> 1]! >> (8 * (i & 1))) & 0xff) ^ previous[i]!;
    previous = block;
  }
  const padding = out[out.length - 1]!;
  if (padding < 1 || padding > 8 || out.subarray(-padding).some((byte) => byte !== padding))
    throw malformed('RC2 padding');
  return out.subarray(0, -padding);
}
