import { randomBytes } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rm, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError, precondition } from '@certferry/core';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** What a file is before it is replaced: its owner and mode are kept. */
export interface FileState {
  content: Buffer;
  stats: Stats;
}

const errorCode = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** The file's content, or undefined when there is none. FAILED_PRECONDITION NOT_A_FILE for a link or anything else that is no regular file. */
export async function readRegularFile(path: string): Promise<FileState | undefined> {
  try {
    // Without O_NONBLOCK, opening a pipe that nobody writes to never ends.
    const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw notAFile(path);
      return { content: await file.readFile(), stats };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    if (errorCode(error) === 'ELOOP') throw notAFile(path);
    throw translate(error, path);
  }
}

const notAFile = (path: string): AppError =>
  precondition(
    'NOT_A_FILE',
    `${path} is not a regular file (a symbolic link, a folder or a device); Certferry does not write through it.`,
    { path },
  );

/** Removes a file or a folder, also one that a write which was stopped, and cannot be called back, still adds to. */
export const removeAll = (path: string): Promise<void> =>
  rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 });

/** Turns what the file system throws into a sentence; EACCES and the like need a person, the rest is tried again. */
export function translate(error: unknown, path: string): AppError {
  if (error instanceof AppError) return error;
  const code = errorCode(error) ?? 'unknown error';
  const details = { path, errno: code };
  if (['EACCES', 'EPERM', 'EROFS'].includes(code)) {
    return new AppError({
      code: 'PERMISSION_DENIED',
      reason: 'FILE_PERMISSION',
      message: `Certferry may not read or write ${path} (${code}): give its user the right to.`,
      details,
      cause: error,
    });
  }
  if (['ENOTDIR', 'EISDIR', 'ENAMETOOLONG'].includes(code)) {
    return new AppError({
      code: 'FAILED_PRECONDITION',
      reason: 'NOT_A_FILE',
      message: `${path} cannot be a file (${code}).`,
      details,
      cause: error,
    });
  }
  return new AppError({
    code: 'UNAVAILABLE',
    reason: 'FILE_ERROR',
    message: `Reading or writing ${path} failed (${code}).`,
    details,
    cause: error,
  });
}

/** Writes a new file: exclusive, not through a link, on the disk when it resolves. */
export async function writeNewFile(path: string, content: Uint8Array, like?: Stats): Promise<void> {
  const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
  try {
    await file.writeFile(content);
    if (like) {
      await file.chmod(like.mode & 0o777);
      const own = await file.stat();
      if (own.uid !== like.uid || own.gid !== like.gid) await file.chown(like.uid, like.gid);
    }
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Names of a store's temporary files: told apart from those of another store in the same folder. */
export class TemporaryNames {
  readonly #prefix: string;

  constructor(storeId: string) {
    this.#prefix = `.certferry-${storeId}-`;
  }

  next(folder: string): string {
    return join(folder, `${this.#prefix}${randomBytes(8).toString('hex')}.tmp`);
  }

  /** Removes what a crash left. */
  async sweep(folder: string): Promise<void> {
    const names = await readdir(folder).catch((): string[] => []);
    for (const name of names) {
      if (name.startsWith(this.#prefix) && name.endsWith('.tmp')) await removeAll(join(folder, name));
    }
  }
}

/**
 * Replaces a file at once: a temporary file beside it, fsync, read back, rename, fsync of the folder.
 * `confirm` runs just before the rename; what it throws leaves the old file as it is.
 */
export async function replaceFile(
  path: string,
  content: Uint8Array,
  options: { names: TemporaryNames; like?: Stats; confirm: () => Promise<void> },
): Promise<void> {
  const folder = dirname(path);
  const temporary = options.names.next(folder);
  try {
    await mkdir(folder, { recursive: true, mode: 0o755 });
    await writeNewFile(temporary, content, options.like);
    await confirmWritten(temporary, content);
    await options.confirm();
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await unlink(temporary).catch(() => undefined);
    throw translate(error, path);
  }
}

export async function confirmWritten(path: string, content: Uint8Array): Promise<void> {
  const written = await readRegularFile(path);
  if (!written?.content.equals(content)) {
    throw new AppError({
      code: 'UNAVAILABLE',
      reason: 'FILE_ERROR',
      message: `What was written to ${path} is not what is there.`,
      details: { path },
    });
  }
}

/** Points a symbolic link somewhere else at once. */
export async function replaceLink(path: string, target: string, names: TemporaryNames): Promise<void> {
  const folder = dirname(path);
  const temporary = names.next(folder);
  await symlink(target, temporary);
  await rename(temporary, path);
  await syncFolder(folder);
}

/** Whether there is anything at the path, a dangling link included. */
export async function statLink(path: string): Promise<Stats | undefined> {
  return await lstat(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw translate(error, path);
  });
}
