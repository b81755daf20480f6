import { malformed, overLimit, truncated } from './x509-error.ts';

/** Universal tags (X.690 section 8) as they stand in the identifier octet. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Context-specific tag `[n]`, constructed or primitive. */
export const context = (n: number, constructed = true): number => (constructed ? 0xa0 : 0x80) | n;

export const MAX_DER_DEPTH = 64;
export const MAX_DER_NODES = 200_000;
export const MAX_OID_BYTES = 128;

interface Budget {
  nodes: number;
}

/**
 * Reads DER values one after another between two offsets, without copying.
 * `tag`, `start`, `content` and `end` describe the value that `next` read last.
 * Throws X509Error: MALFORMED, TRUNCATED, or LIMIT_EXCEEDED above depth 64 or 200,000 values.
 */
export class DerReader {
  readonly bytes: Uint8Array;
  readonly limit: number;
  position: number;
  tag = 0;
  start = 0;
  content = 0;
  end = 0;
  readonly #what: string;
  readonly #depth: number;
  readonly #budget: Budget;

  constructor(bytes: Uint8Array, what: string, parent?: DerReader) {
    this.bytes = bytes;
    this.#what = what;
    if (parent) {
      this.position = parent.content;
      this.limit = parent.end;
      this.#depth = parent.#depth + 1;
      this.#budget = parent.#budget;
      if (this.#depth > MAX_DER_DEPTH) {
        throw overLimit('DER depth', MAX_DER_DEPTH, `The ${what} is nested too deep`);
      }
    } else {
      this.position = 0;
      this.limit = bytes.length;
      this.#depth = 0;
      this.#budget = { nodes: 0 };
    }
  }

  get done(): boolean {
    return this.position >= this.limit;
  }

  /** The next value's tag, or -1 at the end. */
  peek(): number {
    return this.position < this.limit ? this.bytes[this.position]! : -1;
  }

  /** Moves to the next value; MALFORMED if its tag is not the expected one. */
  next(expected?: number): this {
    const { bytes, limit } = this;
    let at = this.position;
    if (at + 2 > limit) throw truncated(this.#what, limit);
    if (++this.#budget.nodes > MAX_DER_NODES) {
      throw overLimit('DER values', MAX_DER_NODES, `The ${this.#what} has too many values`);
    }
    const tag = bytes[at]!;
    if (expected !== undefined && tag !== expected) throw malformed(this.#what, at);
    if ((tag & 0x1f) === 0x1f) throw malformed(this.#what, at);
    this.start = at;
    let length = bytes[at + 1]!;
    at += 2;
    if (length > 0x7f) {
      const count = length & 0x7f;
      if (count === 0 || count > 4) throw malformed(this.#what, this.start);
      if (at + count > limit) throw truncated(this.#what, limit);
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + bytes[at++]!;
    }
    if (at + length > limit) throw truncated(this.#what, limit);
    this.tag = tag;
    this.content = at;
    this.end = this.position = at + length;
    return this;
  }

  /** Moves to the next value, which must have this tag, and reads inside it. */
  enter(expected: number): DerReader {
    this.next(expected);
    return new DerReader(this.bytes, this.#what, this);
  }

  /** Reads inside the value that `next` read last. */
  inside(): DerReader {
    return new DerReader(this.bytes, this.#what, this);
  }

  /** Whether the next value has this tag; if so it is read. */
  optional(tag: number): boolean {
    if (this.peek() !== tag) return false;
    this.next();
    return true;
  }

  /** MALFORMED if anything follows. */
  finish(): void {
    if (!this.done) throw malformed(this.#what, this.position);
  }

  /** The content octets of the last value, as a view. */
  value(): Uint8Array {
    return this.bytes.subarray(this.content, this.end);
  }

  /** Identifier, length and content octets of the last value, as a view. */
  raw(): Uint8Array {
    return this.bytes.subarray(this.start, this.end);
  }

  /** The next value as a dotted object identifier (X.690 section 8.19). */
  oid(): string {
    this.next(TAG.oid);
    return decodeOid(this.bytes, this.content, this.end);
  }

  /** The next value as a small non-negative integer; MALFORMED above 2^53. */
  integer(): number {
    this.next(TAG.integer);
    const length = this.end - this.content;
    if (length === 0 || length > 8 || this.bytes[this.content]! > 0x7f) throw malformed(this.#what, this.start);
    let value = 0;
    for (let i = this.content; i < this.end; i++) value = value * 256 + this.bytes[i]!;
    if (!Number.isSafeInteger(value)) throw malformed(this.#what, this.start);
    return value;
  }

  octets(): Uint8Array {
    return this.next(TAG.octetString).value();
  }

  boolean(): boolean {
    this.next(TAG.boolean);
    if (this.end - this.content !== 1) throw malformed(this.#what, this.start);
    return this.bytes[this.content] !== 0;
  }
}

const oidCache = new Map<string, string>();

function decodeOid(bytes: Uint8Array, from: number, to: number): string {
  const length = to - from;
  if (length === 0 || bytes[to - 1]! > 0x7f) throw malformed('object identifier', from);
  if (length > MAX_OID_BYTES) throw overLimit('OID bytes', MAX_OID_BYTES, 'An object identifier is too long');
  if (length > 16) return oidText(bytes, from, to);
  let key = '';
  for (let i = from; i < to; i++) key += String.fromCharCode(bytes[i]!);
  let text = oidCache.get(key);
  if (text === undefined) {
    text = oidText(bytes, from, to);
    if (oidCache.size < 10_000) oidCache.set(key, text);
  }
  return text;
}

function oidText(bytes: Uint8Array, from: number, to: number): string {
  const arcs: string[] = [];
  let value = 0n;
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte > 0x7f) continue;
    if (arcs.length === 0) {
      const first = value < 40n ? 0n : value < 80n ? 1n : 2n;
      arcs.push(String(first), String(value - first * 40n));
    } else arcs.push(String(value));
    value = 0n;
  }
  return arcs.join('.');
}
