import { Buffer } from 'node:buffer';
import { basename, dirname } from 'node:path';
import type { Readable } from 'node:stream';
import { AppError, invalid, limitExceeded } from '@certferry/core';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { MAX_CONTAINER_BYTES } from '../open-container.ts';
import { isSystemFile } from './file-names.ts';
import { malformedArchive, type PackedFile } from './zip-file.ts';
import type { ZipReader } from './zip-reader.ts';

export const MAX_ENTRIES = 1_000_000;
export const MAX_UNPACKED_BYTES = 8 * 1024 ** 3;
export const MAX_RATIO = 200;
/** Of a file that is at most 10 MiB unpacked: packing badly never doubles it. */
const MAX_PACKED_BYTES = 2 * MAX_CONTAINER_BYTES;
/** So many files, or the file that brings it above so many bytes, are a block. */
const BLOCK_MEMBERS = 200;
const BLOCK_BYTES = 4 * 1024 * 1024;
/** Below this a high ratio is harmless. */
const RATIO_FROM_BYTES = 1024 * 1024;

const LOCAL_HEADER_BYTES = 30;
const LOCAL_SIGNATURE = 0x04034b50;

/** A file of the archive; its name is relative and stays inside. */
export interface ZipMember {
  entry: Entry;
  name: string;
}

/** Where an archive is: on disk, or in memory. */
export interface ZipSource {
  size: number;
  reader: () => ZipReader;
}

export interface ArchiveLimits {
  entries: number;
  unpackedBytes: number;
}

/** A ZIP whose directory is read, entry by entry, with its limits counted while reading. Throws AppErrors only. */
export class ZipArchive {
  readonly #source: ZipSource;
  readonly #limits: ArchiveLimits;
  readonly #data: ZipReader;

  constructor(source: ZipSource, limits: ArchiveLimits = { entries: MAX_ENTRIES, unpackedBytes: MAX_UNPACKED_BYTES }) {
    this.#source = source;
    this.#limits = limits;
    this.#data = source.reader();
  }

  async #open(): Promise<ZipFile> {
    try {
      // Names are checked to stay inside; the backslashes of Windows' own tools are read as slashes.
      return await yauzl.fromRandomAccessReaderPromise(this.#source.reader(), this.#source.size, {
        lazyEntries: true,
        autoClose: false,
      });
    } catch (error) {
      throw toAppError(error);
    }
  }

  /** Files in the order of the directory; folders are passed over. */
  async *members(): AsyncGenerator<ZipMember> {
    const zip = await this.#open();
    const { size } = this.#source;
    const { entries, unpackedBytes } = this.#limits;
    if (zip.entryCount > entries) throw tooMany('archive entries', entries);
    let [compressed, declared] = [0, 0];
    try {
      for await (const entry of zip.eachEntry()) {
        compressed += entry.compressedSize;
        declared += entry.uncompressedSize;
        // Entries that share bytes are how a small file pretends to be a large one.
        if (compressed > size) throw malformedArchive('The entries of the archive overlap.');
        if (declared > unpackedBytes) throw tooMany('unpacked bytes', unpackedBytes);
        if (declared > RATIO_FROM_BYTES && declared > size * MAX_RATIO) throw tooMany('compression ratio', MAX_RATIO);
        if (!entry.fileName.endsWith('/')) yield { entry, name: entry.fileName };
      }
    } catch (error) {
      throw toAppError(error);
    }
  }

  /** The same in blocks, without what systems add. */
  async *blocks(): AsyncGenerator<ZipMember[]> {
    let blockBytes = 0;
    let block: ZipMember[] = [];
    for await (const member of this.members()) {
      if (isSystemFile(member.name)) continue;
      const last = block.at(-1);
      const isFull = block.length >= BLOCK_MEMBERS || blockBytes >= BLOCK_BYTES;
      const isOver = block.length >= 2 * BLOCK_MEMBERS || blockBytes >= 2 * BLOCK_BYTES;
      if (last && (isOver || (isFull && !belongTogether(last.name, member.name)))) {
        yield block;
        [block, blockBytes] = [[], 0];
      }
      block.push(member);
      blockBytes += member.entry.uncompressedSize;
    }
    if (block.length > 0) yield block;
  }

  /** A small file as it is packed. INVALID_ARGUMENT, or RESOURCE_EXHAUSTED above 10 MiB unpacked. */
  packed({ entry, name }: ZipMember, index: number): PackedFile {
    const { compressedSize, uncompressedSize, compressionMethod } = entry;
    if (entry.isEncrypted())
      throw invalid(
        'UNSUPPORTED_ALGORITHM',
        `${name} is encrypted by the archive: unpack it and import what is inside.`,
      );
    if (uncompressedSize > MAX_CONTAINER_BYTES)
      throw limitExceeded(
        'container bytes',
        MAX_CONTAINER_BYTES,
        `${name} has ${uncompressedSize} bytes; the limit is ${MAX_CONTAINER_BYTES}.`,
      );
    // Of what is packed larger than it is, no more is read than of what is not.
    if (compressedSize > MAX_PACKED_BYTES)
      throw limitExceeded(
        'packed bytes',
        MAX_PACKED_BYTES,
        `${name} has ${compressedSize} bytes in the archive; the limit is ${MAX_PACKED_BYTES}.`,
      );
    const packed = Buffer.from(this.#bytes(this.#dataStart(entry), compressedSize));
    return { index, name, packed, method: compressionMethod, size: uncompressedSize, crc32: entry.crc32 };
  }

  #dataStart({ relativeOffsetOfLocalHeader: at }: Entry): number {
    const header = this.#bytes(at, LOCAL_HEADER_BYTES);
    if (header.readUInt32LE(0) !== LOCAL_SIGNATURE)
      throw malformedArchive('An entry of the archive is not where its directory says.');
    return at + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  }

  #bytes(at: number, length: number): Buffer {
    const bytes = this.#data.view(at, length);
    if (bytes.length !== length) throw malformedArchive('The archive ends inside an entry.');
    return bytes;
  }

  /** A file of any size, as it is unpacked. */
  async stream({ entry }: ZipMember): Promise<Readable> {
    try {
      return await (await this.#open()).openReadStreamPromise(entry);
    } catch (error) {
      throw toAppError(error);
    }
  }
}

/** Whether a key of one may be the other's: the files of `srv001/`, or `nas-cert.pem` and `nas-privkey.pem` of a folder of all. */
function belongTogether(one: string, other: string): boolean {
  const [folder, otherFolder] = [dirname(one), dirname(other)];
  if (folder !== otherFolder) return false;
  const stem = (name: string) => basename(name).split(/[-_.]/, 1)[0];
  return folder !== '.' || stem(one) === stem(other);
}

export const tooMany = (limit: string, value: number): AppError =>
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
  return malformedArchive('The archive is damaged.', error);
}
