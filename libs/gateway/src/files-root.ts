import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { AppError, limitExceeded, precondition } from '@certferry/core';

const MAX_FILE_BYTES = 10 * 1024 * 1024;

/** Where JIM's documentation mounts the folder that we call CERTFERRY_FILES_ROOT. */
const PUBLIC_MOUNT = '/connector-files/';

/** Absolute paths below the root stay; of others the public mount's name and leading slashes are taken off. */
function toRelative(base: string, path: string): string {
  if (path.startsWith(base + sep)) return path;
  return (path.startsWith(PUBLIC_MOUNT) ? path.slice(PUBLIC_MOUNT.length) : path).replace(/^\/+/, '');
}

/**
 * The content of a regular file below the root, symbolic links resolved, opened once. NOT_FOUND FILE_NOT_FOUND for
 * outside and missing alike: paths are not to be probed. FAILED_PRECONDITION NO_FILES_ROOT when there is no root.
 */
export async function readBelowRoot(
  root: string | undefined,
  path: string,
  most: number = MAX_FILE_BYTES,
): Promise<Buffer> {
  if (!root)
    throw precondition(
      'NO_FILES_ROOT',
      'Importing by file path is off: set CERTFERRY_FILES_ROOT to the folder that may be read.',
    );
  const refused = new AppError({
    code: 'NOT_FOUND',
    reason: 'FILE_NOT_FOUND',
    message: 'There is no such file below CERTFERRY_FILES_ROOT.',
  });
  if (path.includes('\0')) throw refused;
  const base = await realpath(root).catch(() => Promise.reject(refused));
  const real = await realpath(resolve(base, toRelative(base, path))).catch(() => Promise.reject(refused));
  const way = relative(base, real);
  if (way === '' || way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)) throw refused;
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(real, flags).catch(() => Promise.reject(refused));
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw refused;
    if (stats.size > most)
      throw limitExceeded('file bytes', most, `The file has ${stats.size} bytes; the limit is ${most}.`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}
