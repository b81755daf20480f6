import { Buffer } from 'node:buffer';
import mongoose from 'mongoose';
import { isPlainObject } from './document.ts';
import { unsupported } from './unsupported.ts';

const { BSON, ObjectId } = mongoose.mongo;

/** Type brackets in MongoDB's comparison order; each value's first byte. */
const TAG = {
  emptyArray: 0x05,
  null: 0x10,
  number: 0x20,
  string: 0x30,
  object: 0x40,
  array: 0x48,
  binary: 0x50,
  objectId: 0x58,
  boolean: 0x60,
  date: 0x68,
  regex: 0x78,
};

/** What an empty array puts into an index: it compares below null. */
export const EMPTY_ARRAY = Symbol('empty array');

/**
 * Bytes that compare (memcmp) as MongoDB compares the values, and of which none is another's prefix.
 * Numbers compare as doubles; strings as UTF-8.
 */
export function encodeKey(value: unknown): Buffer {
  if (value === EMPTY_ARRAY) return Buffer.of(TAG.emptyArray);
  if (value === null || value === undefined) return Buffer.of(TAG.null);
  switch (typeof value) {
    case 'number':
      return encodeNumber(TAG.number, value);
    case 'string':
      return encodeBytes(TAG.string, Buffer.from(value));
    case 'boolean':
      return Buffer.of(TAG.boolean, value ? 1 : 0);
    default:
      return encodeObject(value);
  }
}

function encodeObject(value: unknown): Buffer {
  if (value instanceof Date) return encodeNumber(TAG.date, value.getTime());
  if (value instanceof ObjectId) return Buffer.concat([Buffer.of(TAG.objectId), value.id]);
  if (value instanceof Uint8Array) return encodeBytes(TAG.binary, value);
  if (value instanceof RegExp) return encodeBytes(TAG.regex, Buffer.from(String(value)));
  if (Array.isArray(value)) return encodeBytes(TAG.array, BSON.serialize({ '': value }));
  if (isPlainObject(value)) return encodeBytes(TAG.object, BSON.serialize(value));
  throw unsupported(`a value of type ${(value as object).constructor.name} in an index`);
}

/** An IEEE double whose bytes sort: sign flipped, negatives inverted. */
function encodeNumber(tag: number, value: number): Buffer {
  const bytes = Buffer.alloc(9);
  bytes[0] = tag;
  bytes.writeDoubleBE(value === 0 ? 0 : value, 1);
  if (bytes[1]! & 0x80) for (let i = 1; i < 9; i++) bytes[i] = ~bytes[i]!;
  else bytes[1] = bytes[1]! | 0x80;
  return bytes;
}

/** Zero bytes become 00 FF and 00 00 ends the value, so that a prefix sorts first. */
function encodeBytes(tag: number, bytes: Uint8Array): Buffer {
  const out: number[] = [];
  if (!bytes.includes(0)) return Buffer.concat([Buffer.of(tag), bytes, Buffer.of(0, 0)]);
  for (const byte of bytes) {
    out.push(byte);
    if (byte === 0) out.push(0xff);
  }
  return Buffer.from([tag, ...out, 0, 0]);
}

/** Bytes of a descending index field. */
export const invert = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte) => ~byte));

/** The first byte after all values of the same type. */
export const bracketEnd = (key: Buffer): Buffer => Buffer.of(key[0]! + 1);

/** The first byte of all values of the same type. */
export const bracketStart = (key: Buffer): Buffer => key.subarray(0, 1);

/** The smallest bytes above all that start with `prefix`; undefined if there are none. */
export function prefixEnd(prefix: Buffer): Buffer | undefined {
  let length = prefix.length;
  while (length > 0 && prefix[length - 1] === 0xff) length--;
  if (length === 0) return undefined;
  const end = Buffer.from(prefix.subarray(0, length));
  end[length - 1] = end[length - 1]! + 1;
  return end;
}
