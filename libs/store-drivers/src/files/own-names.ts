import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { errnoOf } from './file-error.ts';
import type { FileSystem } from './file-system.ts';

/** Names of the files that a store's writes make beside its own: told apart from those of another store in the same folder. */
export class OwnNames {
  readonly #prefix: string;

  constructor(storeId: string) {
    this.#prefix = `.certferry-${storeId}-`;
  }

  /** A new one in a folder. */
  next(folder: string): string {
    return join(folder, `${this.#prefix}${randomBytes(8).toString('hex')}.tmp`);
  }

  /** What of a change is written down in a folder while it is made. */
  journal(folder: string): string {
    return join(folder, `${this.#prefix}journal.tmp`);
  }

  /** Whether a path is one of these, beside a file. */
  isBeside(path: string, file: string): boolean {
    return dirname(path) === dirname(file) && this.#isOwn(basename(path));
  }

  /** Removes what is left in a folder. */
  async sweep(files: FileSystem, folder: string): Promise<void> {
    const names = await files.list(folder);
    for (const name of names.filter((one) => this.#isOwn(one))) await removeAll(files, join(folder, name));
  }

  #isOwn(name: string): boolean {
    return name.startsWith(this.#prefix) && name.endsWith('.tmp');
  }
}

/** How often a folder is emptied that a write which was stopped, and cannot be called back, still adds to. */
const REMOVALS = 100;

/** Removes a file or a folder with what is in it; nothing there is as good. */
export async function removeAll(files: FileSystem, path: string): Promise<void> {
  const facts = await files.facts(path);
  if (!facts) return;
  if (facts.kind !== 'folder') return await files.unlink(path).catch(unless('ENOENT'));
  for (let tries = 1; ; tries++) {
    for (const name of await files.list(path)) await removeAll(files, join(path, name));
    try {
      return await files.removeFolder(path).catch(unless('ENOENT'));
    } catch (error) {
      if (errnoOf(error) !== 'ENOTEMPTY' || tries === REMOVALS) throw error;
    }
  }
}

/** Passes over one errno. */
export const unless =
  (errno: string) =>
  (error: unknown): undefined => {
    if (errnoOf(error) !== errno) throw error;
    return undefined;
  };
