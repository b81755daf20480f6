import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { invalid } from '@certferry/core';
import { untilAborted } from '../until-aborted.ts';

/** The folders below which file stores may be. */
export class StoreRoots {
  readonly #roots: string[];

  constructor(roots: string[]) {
    this.#roots = roots.map((root) => resolve(root));
  }

  /**
   * The real path of a store's file: its folder with every symbolic link resolved, its name as it is.
   * A relative path is below the first root. INVALID_ARGUMENT PATH_NOT_ALLOWED for anything outside, in one wording.
   */
  async resolve(path: string, signal: AbortSignal): Promise<string> {
    return await untilAborted(signal, this.#resolve(path));
  }

  async #resolve(path: string): Promise<string> {
    if (path === '' || path.includes('\0') || path.endsWith(sep)) throw this.#refuse(path);
    const absolute = isAbsolute(path) ? resolve(path) : resolve(this.#roots[0]!, path);
    const real = join(await realFolder(dirname(absolute)), basename(absolute));
    for (const root of this.#roots) {
      if (isBelow(real, await realFolder(root))) return real;
    }
    throw this.#refuse(path);
  }

  #refuse(path: string): Error {
    const message = `The path ${JSON.stringify(path)} is not a file below a store root (CERTFERRY_STORE_ROOTS: ${this.#roots.join(', ')}), symbolic links resolved.`;
    return invalid('PATH_NOT_ALLOWED', message, { path });
  }
}

function isBelow(path: string, root: string): boolean {
  const way = relative(root, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** realpath of the part that exists, with the rest appended: a folder that is not there yet cannot be a link. */
async function realFolder(folder: string): Promise<string> {
  const missing: string[] = [];
  for (let at = folder; ; at = dirname(at)) {
    const exists = await lstat(at).then(
      () => true,
      () => false,
    );
    if (exists) return join(await realpath(at), ...missing);
    missing.unshift(basename(at));
  }
}
