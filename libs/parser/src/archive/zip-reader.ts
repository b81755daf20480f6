import { Buffer } from 'node:buffer';
import { readSync } from 'node:fs';
import { Readable } from 'node:stream';
import { asBuffer } from '@certferry/x509';
import yauzl from 'yauzl';

const BLOCK_BYTES = 256 * 1024;

/** A random access reader whose bytes can also be looked at where they are. */
export abstract class ZipReader extends yauzl.RandomAccessReader {
  /** Bytes at a position, fewer where the archive ends. What is answered is only valid until the next call. */
  abstract view(position: number, length: number): Buffer;

  override read(...[buffer, offset, length, position, callback]: Parameters<yauzl.RandomAccessReader['read']>): void {
    const copied = this.view(position, length).copy(buffer, offset);
    callback(copied === length ? null : new Error('end of file inside the directory'));
  }

  override _readStreamForRange(start: number, end: number): Readable {
    const view = this.view.bind(this);
    const chunks = function* () {
      for (let at = start; at < end; at += BLOCK_BYTES) yield Buffer.from(view(at, Math.min(BLOCK_BYTES, end - at)));
    };
    return Readable.from(chunks());
  }
}

/** An archive that is in memory. */
export class MemoryReader extends ZipReader {
  readonly #content: Buffer;

  constructor(content: Uint8Array) {
    super();
    this.#content = asBuffer(content);
  }

  view(position: number, length: number): Buffer {
    return this.#content.subarray(position, position + length);
  }
}

/** Reads a file in blocks: a directory of a hundred thousand entries is read in order, a few bytes at a time. */
export class BlockReader extends ZipReader {
  readonly #fd: number;
  readonly #block = Buffer.allocUnsafe(BLOCK_BYTES);
  #at = 0;
  #length = 0;

  constructor(fd: number) {
    super();
    this.#fd = fd;
  }

  view(position: number, length: number): Buffer {
    if (length > BLOCK_BYTES) {
      const large = Buffer.allocUnsafe(length);
      return large.subarray(0, readSync(this.#fd, large, 0, length, position));
    }
    if (position < this.#at || position + length > this.#at + this.#length) {
      this.#at = position;
      this.#length = readSync(this.#fd, this.#block, 0, BLOCK_BYTES, position);
    }
    const start = position - this.#at;
    return this.#block.subarray(start, Math.min(start + length, this.#length));
  }
}
