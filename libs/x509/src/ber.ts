import { Buffer } from 'node:buffer';
import { MAX_DER_DEPTH, MAX_DER_NODES } from './der-reader.ts';
import { tlv } from './der-writer.ts';
import { malformed, overLimit, truncated } from './x509-error.ts';

const OCTET_STRING = 0x04;
const CONSTRUCTED = 0x20;
const CONSTRUCTED_OCTETS = OCTET_STRING | CONSTRUCTED;

interface Value {
  tag: number;
  /** Undefined for a value of indefinite length. */
  length: number | undefined;
  content: number;
}

/**
 * BER with indefinite lengths or octet strings in pieces (X.690 section 8.1.3.6 and 8.7.3), as CMS writers stream it,
 * in definite form, with whatever stands behind it. What is definite already is not copied. Throws X509Error.
 */
export function toDefiniteLengths(bytes: Uint8Array, what: string): Uint8Array {
  if (!usesBer(bytes)) return bytes;
  const converter = new Converter(bytes, what);
  const [value, end] = converter.value(0, 0);
  return end === bytes.length ? value : Buffer.concat([value, bytes.subarray(end)]);
}

/** Whether the outer value has an indefinite length: writers that stream begin with it. */
function usesBer(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes[1] === 0x80;
}

class Converter {
  readonly #bytes: Uint8Array;
  readonly #what: string;
  #nodes = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  /** The value at an offset, definite, and where it ends. */
  value(at: number, depth: number): [Uint8Array, number] {
    if (depth > MAX_DER_DEPTH) throw overLimit('DER depth', MAX_DER_DEPTH, `The ${this.#what} is nested too deep`);
    const { tag, length, content } = this.#header(at);
    if (length !== undefined && (tag & CONSTRUCTED) === 0) {
      const end = content + length;
      if (end > this.#bytes.length) throw truncated(this.#what, this.#bytes.length);
      return [this.#bytes.subarray(at, end), end];
    }
    if ((tag & CONSTRUCTED) === 0) throw malformed(this.#what, at);
    const limit = length === undefined ? this.#bytes.length : content + length;
    if (limit > this.#bytes.length) throw truncated(this.#what, this.#bytes.length);
    const parts: Uint8Array[] = [];
    let next = content;
    for (;;) {
      if (length === undefined && this.#bytes[next] === 0 && this.#bytes[next + 1] === 0) {
        next += 2;
        break;
      }
      if (length !== undefined && next === limit) break;
      if (next >= limit) throw truncated(this.#what, next);
      const [part, end] = this.value(next, depth + 1);
      parts.push(part);
      next = end;
    }
    const isPieces =
      tag === CONSTRUCTED_OCTETS ||
      (tag === 0xa0 && length === undefined && parts.length > 0 && this.#arePieces(parts));
    if (tag === CONSTRUCTED_OCTETS) return [tlv(OCTET_STRING, ...parts.map((part) => this.#contentOf(part))), next];
    if (isPieces && parts.length > 1) return [tlv(0x80, ...parts.map((part) => this.#contentOf(part))), next];
    return [tlv(tag, ...parts), next];
  }

  /** [0] IMPLICIT OCTET STRING in pieces, as encrypted content is streamed. */
  #arePieces(parts: Uint8Array[]): boolean {
    return parts.every((part) => part[0] === OCTET_STRING);
  }

  #contentOf(value: Uint8Array): Uint8Array {
    if (value[0] !== OCTET_STRING) throw malformed(this.#what);
    const first = value[1]!;
    return value.subarray(first < 0x80 ? 2 : 2 + (first & 0x7f));
  }

  #header(at: number): Value {
    const bytes = this.#bytes;
    if (++this.#nodes > MAX_DER_NODES)
      throw overLimit('DER values', MAX_DER_NODES, `The ${this.#what} has too many values`);
    if (at + 2 > bytes.length) throw truncated(this.#what, bytes.length);
    const tag = bytes[at]!;
    const first = bytes[at + 1]!;
    if ((tag & 0x1f) === 0x1f) throw malformed(this.#what, at);
    if (first < 0x80) return { tag, length: first, content: at + 2 };
    if (first === 0x80) return { tag, length: undefined, content: at + 2 };
    const count = first & 0x7f;
    if (count > 4) throw malformed(this.#what, at);
    if (at + 2 + count > bytes.length) throw truncated(this.#what, bytes.length);
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + bytes[at + 2 + i]!;
    return { tag, length, content: at + 2 + count };
  }
}
