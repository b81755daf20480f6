import { Buffer } from 'node:buffer';
import type { Readable } from 'node:stream';
import { crc32, inflateRawSync } from 'node:zlib';
import { AppError, invalid, limitExceeded } from '@certferry/core';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { MAX_CONTAINER_BYTES } from '../open-container.ts';
import { BlockReader } from './block-reader.ts';
import type { Spool } from './spool.ts';

export const MAX_ENTRIES = 1_000_000;
export const MAX_UNPACKED_BYTES = 8 * 1024 ** 3;
export const MAX_RATIO = 200;
/** So many files, or the file that brings it above so many bytes, are a block. */
const BLOCK_MEMBERS = 200;
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Below this a high ratio is harmless. */
const RATIO_FROM_BYTES = 1024 * 1024;

const LOCAL_HEADER_BYTES = 30;
const LOCAL_SIGNATURE = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;

const malformed = (message: string, cause?: unknown): AppError =>
  new AppError({ code: 'INVALID_ARGUMENT', reason: 'MALFORMED', message, cause });

/** A file of the archive; its name is relative and stays inside. */
export interface ZipMember {
  entry: Entry;
  name: string;
}

/** A ZIP on disk whose directory is read, entry by entry, with its limits counted while reading. Throws AppErrors only. */
export class ZipArchive {
  readonly #spool: Spool;
  readonly #data: BlockReader;
  #unpacked = 0;

  constructor(spooled: Spool) {
    this.#spool = spooled;
    this.#data = new BlockReader(spooled.fd);
  }

  async #open(): Promise<ZipFile> {
    try {
      return await yauzl.fromRandomAccessReaderPromise(new BlockReader(this.#spool.fd), this.#spool.size, {
        lazyEntries: true,
        autoClose: false,
        strictFileNames: true,
      });
    } catch (error) {
      throw toAppError(error);
    }
  }

  /** Files in the order of the directory, in blocks; folders and what macOS adds are passed over. */
  async *blocks(): AsyncGenerator<ZipMember[]> {
    const zip = await this.#open();
    const { size } = this.#spool;
    if (zip.entryCount > MAX_ENTRIES) throw tooMany('archive entries', MAX_ENTRIES);
    let [compressed, declared, blockBytes] = [0, 0, 0];
    let block: ZipMember[] = [];
    try {
      for await (const entry of zip.eachEntry()) {
        compressed += entry.compressedSize;
        declared += entry.uncompressedSize;
        // Entries that share bytes are how a small file pretends to be a large one.
        if (compressed > size) throw malformed('The entries of the archive overlap.');
        if (declared > MAX_UNPACKED_BYTES) throw tooMany('unpacked bytes', MAX_UNPACKED_BYTES);
        if (declared > RATIO_FROM_BYTES && declared > size * MAX_RATIO) throw tooMany('compression ratio', MAX_RATIO);
        const name = entry.fileName;
        if (name.endsWith('/') || /(^|\/)(__MACOSX\/|\.DS_Store$|\._)/.test(name)) continue;
        block.push({ entry, name });
        blockBytes += entry.uncompressedSize;
        if (block.length < BLOCK_MEMBERS && blockBytes < BLOCK_BYTES) continue;
        yield block;
        [block, blockBytes] = [[], 0];
      }
      if (block.length > 0) yield block;
    } catch (error) {
      throw toAppError(error);
    }
  }

  /** The content of a small file. Sizes and checksum are held against what the directory says. */
  read({ entry, name }: ZipMember): Buffer {
    const { compressedSize, uncompressedSize } = entry;
    if (entry.isEncrypted()) throw invalid('UNSUPPORTED_ALGORITHM', `${name} is encrypted by the archive.`);
    if (uncompressedSize > MAX_CONTAINER_BYTES)
      throw limitExceeded(
        'container bytes',
        MAX_CONTAINER_BYTES,
        `${name} has ${uncompressedSize} bytes; the limit is ${MAX_CONTAINER_BYTES}.`,
      );
    this.#count(uncompressedSize);
    const raw = this.#bytes(this.#dataStart(entry), compressedSize);
    const content = this.#inflate(raw, { entry, name });
    if (content.length !== uncompressedSize || crc32(content) !== entry.crc32)
      throw malformed(`${name} is not what the archive’s directory says: its size or checksum differs.`);
    return content;
  }

  #inflate(raw: Buffer, { entry, name }: ZipMember): Buffer {
    if (entry.compressionMethod === STORED) return Buffer.from(raw);
    if (entry.compressionMethod !== DEFLATED)
      throw invalid(
        'UNSUPPORTED_ALGORITHM',
        `${name} is packed by method ${entry.compressionMethod}, which is not read.`,
      );
    try {
      return inflate(raw, entry.uncompressedSize);
    } catch (cause) {
      throw malformed(`${name} cannot be unpacked, or is larger than the archive’s directory says.`, cause);
    }
  }

  #dataStart({ relativeOffsetOfLocalHeader: at }: Entry): number {
    const header = this.#bytes(at, LOCAL_HEADER_BYTES);
    if (header.readUInt32LE(0) !== LOCAL_SIGNATURE)
      throw malformed('An entry of the archive is not where its directory says.');
    return at + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  }

  #bytes(at: number, length: number): Buffer {
    const bytes = this.#data.view(at, length);
    if (bytes.length !== length) throw malformed('The archive ends inside an entry.');
    return bytes;
  }

  #count(bytes: number): void {
    this.#unpacked += bytes;
    if (this.#unpacked > MAX_UNPACKED_BYTES) throw tooMany('unpacked bytes', MAX_UNPACKED_BYTES);
  }

  /** A file of any size, as it is unpacked. */
  async stream({ entry }: ZipMember): Promise<Readable> {
    this.#count(entry.uncompressedSize);
    try {
      return await (await this.#open()).openReadStreamPromise(entry);
    } catch (error) {
      throw toAppError(error);
    }
  }
}

const LEAST_CHUNK_BYTES = 64;
const MOST_CHUNK_BYTES = 64 * 1024;

/** No more than `size` bytes come out, whatever the data says. A buffer no larger than that is most of what zlib's set-up costs. */
function inflate(raw: Uint8Array, size: number): Buffer {
  const chunkSize = Math.min(Math.max(size, LEAST_CHUNK_BYTES), MOST_CHUNK_BYTES);
  return inflateRawSync(raw, { maxOutputLength: Math.max(size, 1), chunkSize });
}

const tooMany = (limit: string, value: number): AppError =>
  limitExceeded(limit, value, `The archive has more than ${value} ${limit}, the limit.`);

/** What yauzl throws, in our words; file names of attackers are not repeated. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = error instanceof Error ? error.message : '';
  if (/invalid relative path|absolute path|invalid characters in fileName/.test(message))
    return invalid(
      'UNSAFE_NAME',
      'A file name in the archive leaves its folder or has characters that are not allowed.',
    );
  if (/End of Central Directory Record|end of central directory/i.test(message))
    return invalid('UNKNOWN_FORMAT', 'This is not a ZIP archive, or it is cut short.');
  return malformed('The archive is damaged.', error);
}
