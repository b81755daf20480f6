import { Buffer } from 'node:buffer';
import { crc32, inflateRawSync } from 'node:zlib';
import { AppError, invalid } from '@certferry/core';

const STORED = 0;
const DEFLATED = 8;
const LEAST_CHUNK_BYTES = 64;
const MOST_CHUNK_BYTES = 64 * 1024;

/** A file of an archive, as it is packed, with what the directory says of it. */
export interface PackedFile {
  index: number;
  /** Relative, and stays inside. */
  name: string;
  packed: Uint8Array;
  /** 0 or 8 (APPNOTE.TXT section 4.4.5). */
  method: number;
  /** Unpacked bytes. */
  size: number;
  crc32: number;
}

export const malformedArchive = (message: string, cause?: unknown): AppError =>
  new AppError({ code: 'INVALID_ARGUMENT', reason: 'MALFORMED', message, cause });

/** The content of a file, held against its size and checksum. INVALID_ARGUMENT MALFORMED, UNSUPPORTED_ALGORITHM. */
export function unpack(file: PackedFile): Buffer {
  const content = inflate(file);
  if (content.length !== file.size || crc32(content) !== file.crc32)
    throw malformedArchive(`${file.name} is not what the archive’s directory says: its size or checksum differs.`);
  return content;
}

/** No more than the file's size comes out, whatever the data says. A buffer no larger than that is most of what zlib's set-up costs. */
function inflate({ name, packed, method, size }: PackedFile): Buffer {
  if (method === STORED) return Buffer.from(packed);
  if (method !== DEFLATED)
    throw invalid('UNSUPPORTED_ALGORITHM', `${name} is packed by method ${method}, which is not read.`);
  try {
    const chunkSize = Math.min(Math.max(size, LEAST_CHUNK_BYTES), MOST_CHUNK_BYTES);
    return inflateRawSync(packed, { maxOutputLength: Math.max(size, 1), chunkSize });
  } catch (cause) {
    throw malformedArchive(`${name} cannot be unpacked, or is larger than the archive’s directory says.`, cause);
  }
}
