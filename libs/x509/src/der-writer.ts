import { Buffer } from 'node:buffer';
import { TAG } from './der-reader.ts';

/** One DER value: identifier octet, definite minimal length, content (X.690 section 10.1). */
export function tlv(tag: number, ...parts: Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const header = length < 0x80 ? [tag, length] : [tag, 0x80 | lengthBytes(length).length, ...lengthBytes(length)];
  return Buffer.concat([Uint8Array.from(header), ...parts]);
}

function lengthBytes(length: number): number[] {
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return bytes;
}

export const sequence = (...parts: Uint8Array[]): Buffer => tlv(TAG.sequence, ...parts);
export const octetString = (bytes: Uint8Array): Buffer => tlv(TAG.octetString, bytes);
export const derNull = (): Buffer => tlv(TAG.null);

/** SET OF, its values in ascending order (X.690 section 11.6). */
export const setOf = (...parts: Uint8Array[]): Buffer =>
  tlv(TAG.set, ...parts.toSorted((a, b) => Buffer.compare(a, b)));

/** A non-negative integer below 2^53. */
export function integer(value: number): Buffer {
  const bytes = value === 0 ? [0] : lengthBytes(value);
  return tlv(TAG.integer, Uint8Array.from(bytes[0]! > 0x7f ? [0, ...bytes] : bytes));
}

/** A dotted object identifier. */
export function oid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number);
  const bytes = [first! * 40 + second!, ...rest].flatMap((arc) => {
    const septets = [arc % 128];
    for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128))
      septets.unshift(0x80 | (left % 128));
    return septets;
  });
  return tlv(TAG.oid, Uint8Array.from(bytes));
}

/** BMPString: UTF-16 big endian. */
export const bmpString = (text: string): Buffer => tlv(TAG.bmpString, Buffer.from(text, 'utf16le').swap16());
