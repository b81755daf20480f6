import type { Buffer } from 'node:buffer';
import { asBuffer } from './der-reader.ts';
import type { ByteSource } from './java-object.ts';
import { truncated } from './x509-error.ts';

/** Numbers and texts as Java's DataOutputStream writes them. */
export class JavaReader implements ByteSource {
  readonly #bytes: Buffer;
  readonly #what: string;
  at = 0;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = asBuffer(bytes);
    this.#what = what;
  }

  #take(length: number): number {
    if (length < 0 || this.at + length > this.#bytes.length) throw truncated(this.#what, this.#bytes.length);
    this.at += length;
    return this.at - length;
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!;
  }

  short(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  int(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  take(length: number): Buffer {
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  time(): Date {
    return new Date(Number(this.#bytes.readBigInt64BE(this.#take(8))));
  }

  text(): string {
    return fromModifiedUtf8(this.take(this.short()));
  }

  bytes(): Buffer {
    return this.take(this.int());
  }
}

/** Java's modified UTF-8 writes every UTF-16 unit by itself: surrogates take three octets each. */
function fromModifiedUtf8(bytes: Uint8Array): string {
  let text = '';
  for (let i = 0; i < bytes.length; i++) {
    const first = bytes[i]!;
    if (first < 0x80) text += String.fromCharCode(first);
    else if (first < 0xe0) text += String.fromCharCode(((first & 0x1f) << 6) | (bytes[++i]! & 0x3f));
    else text += String.fromCharCode(((first & 0x0f) << 12) | ((bytes[++i]! & 0x3f) << 6) | (bytes[++i]! & 0x3f));
  }
  return text;
}
