import { constants } from 'node:fs';
import { open, readdir, realpath, type FileHandle } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { invalid } from '@certferry/core';
import { ERROR_FILE } from './error-file.ts';

const MAX_DEPTH = 32;

/** Files below a folder, by their path in it, folders that links name left out; what begins with a dot is being written or not meant. */
export async function findFiles(folder: string, below = '', depth = 0): Promise<string[]> {
  const found: string[] = [];
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith('.') || entry.name.endsWith(ERROR_FILE)) continue;
    const path = join(below, entry.name);
    if (entry.isDirectory() && depth < MAX_DEPTH) found.push(...(await findFiles(folder, path, depth + 1)));
    else if (entry.isFile() || entry.isSymbolicLink()) found.push(path);
  }
  return found;
}

/**
 * Opens a file below a folder, links resolved. Undefined when it is gone or no regular file; INVALID_ARGUMENT
 * LINK_OUT_OF_FOLDER for a link that leads out of the folder.
 */
export async function openBelow(folder: string, path: string): Promise<FileHandle | undefined> {
  const base = await realpath(folder);
  const real = await realpath(join(base, path)).catch(() => undefined);
  if (real === undefined) return undefined;
  const way = relative(base, real);
  if (way === '..' || way.startsWith(`..${sep}`))
    throw invalid(
      'LINK_OUT_OF_FOLDER',
      'This is a link to a file outside of the watched folder; put the file itself here.',
    );
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const file = await open(real, flags).catch(() => undefined);
  if (!file) return undefined;
  if ((await file.stat()).isFile()) return file;
  await file.close();
  return undefined;
}
