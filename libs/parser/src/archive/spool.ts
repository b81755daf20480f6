import { randomBytes } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limitExceeded } from '@certferry/core';
import type { ZipSource } from './zip-archive.ts';
import { BlockReader } from './zip-reader.ts';

export const MAX_ARCHIVE_BYTES = 2 * 1024 ** 3;

/** An archive on disk, in a file that has no name any more: it is gone when it is closed or the process ends. */
export interface Spool extends ZipSource {
  close(): Promise<void>;
}

/** Writes chunks to an unnamed temporary file (0600). RESOURCE_EXHAUSTED above `most` bytes. */
export async function spool(chunks: AsyncIterable<Uint8Array>, most = MAX_ARCHIVE_BYTES): Promise<Spool> {
  const path = join(tmpdir(), `certferry-archive-${randomBytes(12).toString('hex')}.tmp`);
  const file: FileHandle = await open(path, 'wx+', 0o600);
  try {
    await unlink(path);
    let size = 0;
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > most)
        throw limitExceeded('archive bytes', most, `The archive has more than ${most} bytes, the limit.`);
      await file.write(chunk);
    }
    return { size, reader: () => new BlockReader(file.fd), close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}
