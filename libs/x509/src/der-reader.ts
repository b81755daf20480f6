import { Buffer } from 'node:buffer';
import type { Finding, FindingCode } from './finding.ts';
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
/** Up to here the whole input is made one string, of which texts are slices. */
const MAX_SLICED_BYTES = 64 * 1024;

/** What a reader and the readers inside it have in common. */
interface Input {
  nodes: number;
  /** The whole input as Latin-1, once it was asked for. */
  latin1: string | undefined;
  /** Whether a length or an integer had more octets than it needs (X.690 sections 10.1 and 8.3.2). */
  nonMinimal: boolean;
  oddities: Finding[];
}

/**
 * Reads DER values one after another between two offsets, without copying.
 * `tag`, `start`, `content` and `end` describe the value that `next` read last.
 * `enter` answers a reader of its own for what is inside; `open` and `close` go inside with the same reader, which is
 * faster where the structure is known.
 * Throws X509Error: MALFORMED, TRUNCATED, or LIMIT_EXCEEDED above depth 64 or 200,000 values.
 */
export class DerReader {
  readonly bytes: Uint8Array;
  limit: number;
  position: number;
  tag = 0;
  start = 0;
  content = 0;
  end = 0;
  readonly #what: string;
  readonly #depth: number;
  readonly #input: Input;

  constructor(bytes: Uint8Array, what: string, parent?: DerReader) {
    this.bytes = bytes;
    this.#what = what;
    if (parent) {
      this.position = parent.content;
      this.limit = parent.end;
      this.#depth = parent.#depth + 1;
      this.#input = parent.#input;
      if (this.#depth > MAX_DER_DEPTH) {
        throw overLimit('DER depth', MAX_DER_DEPTH, `The ${what} is nested too deep`);
      }
    } else {
      this.position = 0;
      this.limit = bytes.length;
      this.#depth = 0;
      this.#input = { nodes: 0, latin1: undefined, nonMinimal: false, oddities: [] };
    }
  }

  get done(): boolean {
    return this.position >= this.limit;
  }

  /** Whether anything read so far has more octets than DER allows; it is read all the same. */
  get nonMinimal(): boolean {
    return this.#input.nonMinimal;
  }

  /** What was noted of the input, each once. */
  get oddities(): Finding[] {
    return this.#input.oddities;
  }

  /** Says of the whole input what is odd about it and no reason to refuse it. */
  note(code: FindingCode, message: string): void {
    const { oddities } = this.#input;
    if (!oddities.some((one) => one.message === message)) oddities.push({ code, message });
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
    if (++this.#input.nodes > MAX_DER_NODES) {
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
      length = bytes[at++]!;
      if (length === 0 || (count === 1 && length < 0x80)) this.#input.nonMinimal = true;
      for (let i = 1; i < count; i++) length = length * 256 + bytes[at++]!;
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

  /** Goes inside the next value, which must have this tag; answers what `close` needs to come out again. */
  open(expected: number): number {
    const outer = this.limit;
    this.next(expected);
    this.limit = this.end;
    this.position = this.content;
    return outer;
  }

  /** Comes out of what `open` went into; MALFORMED if something of it was not read. */
  close(outer: number): void {
    if (this.position !== this.limit) throw malformed(this.#what, this.position);
    this.limit = outer;
  }

  /** The same, past what was not read. */
  leave(outer: number): void {
    this.position = this.limit;
    this.limit = outer;
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

  /** Octets between two offsets as Latin-1. */
  latin1(from: number, to: number): string {
    const { bytes } = this;
    if (bytes.length > MAX_SLICED_BYTES) return asBuffer(bytes).toString('latin1', from, to);
    return (this.#input.latin1 ??= asBuffer(bytes).toString('latin1')).slice(from, to);
  }

  /** The content octets of the last value as lower-case hexadecimal. */
  hex(): string {
    return asBuffer(this.bytes).toString('hex', this.content, this.end);
  }

  /** How many bits the last value has as a non-negative INTEGER. */
  bits(): number {
    let first = this.content;
    while (first < this.end && this.bytes[first] === 0) first++;
    return first === this.end ? 0 : (this.end - first) * 8 - Math.clz32(this.bytes[first]!) + 24;
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
    const first = this.bytes[this.content]!;
    if (length === 0 || length > 8 || first > 0x7f) throw malformed(this.#what, this.start);
    if (first === 0 && length > 1 && this.bytes[this.content + 1]! < 0x80) this.#input.nonMinimal = true;
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
    const octet = this.bytes[this.content]!;
    if (octet !== 0 && octet !== 0xff) this.#input.nonMinimal = true;
    return octet !== 0;
  }
}

/** The same bytes as a Buffer. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);

interface KnownOid {
  bytes: Uint8Array;
  text: string;
}

/** By a hash of the octets: the same few hundred identifiers come again and again. */
const knownOids = new Map<number, KnownOid>();
/** X.500's attributes and extensions, nearly all that a certificate has, are three octets: those are their own key. */
const shortOids = new Map<number, string>();

function decodeOid(bytes: Uint8Array, from: number, to: number): string {
  const length = to - from;
  if (length === 0 || bytes[to - 1]! > 0x7f) throw malformed('object identifier', from);
  if (length > MAX_OID_BYTES) throw overLimit('OID bytes', MAX_OID_BYTES, 'An object identifier is too long');
  return length === 3 ? shortOid(bytes, from) : longOid(bytes, from, to);
}

function shortOid(bytes: Uint8Array, from: number): string {
  const key = (bytes[from]! << 16) | (bytes[from + 1]! << 8) | bytes[from + 2]!;
  let text = shortOids.get(key);
  if (text === undefined) {
    text = oidText(bytes, from, from + 3);
    if (shortOids.size < MAX_KNOWN_OIDS) shortOids.set(key, text);
  }
  return text;
}

const MAX_KNOWN_OIDS = 10_000;

function longOid(bytes: Uint8Array, from: number, to: number): string {
  const length = to - from;
  let key = length;
  for (let i = from; i < to; i++) key = (Math.imul(key, 31) + bytes[i]!) | 0;
  const known = knownOids.get(key);
  if (known?.bytes.length === length && isSame(known.bytes, bytes, from)) return known.text;
  const text = oidText(bytes, from, to);
  if (!known && length <= 16 && knownOids.size < MAX_KNOWN_OIDS)
    knownOids.set(key, { bytes: Uint8Array.from(bytes.subarray(from, to)), text });
  return text;
}

function isSame(known: Uint8Array, bytes: Uint8Array, from: number): boolean {
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[from + i]) return false;
  return true;
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
  // As the name of a property it is the one string that tables and comparisons know by its address.
  return Object.keys({ [arcs.join('.')]: 0 })[0]!;
}
