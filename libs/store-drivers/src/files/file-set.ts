import { createHash, randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { mkdir, readdir, readlink, unlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { precondition } from '@certferry/core';
import type { DriverContext } from '../driver-context.ts';
import { changedMeanwhile } from '../store-driver.ts';
import { untilAborted } from '../until-aborted.ts';
import {
  readRegularFile,
  removeAll,
  replaceFile,
  replaceLink,
  statLink,
  syncFolder,
  TemporaryNames,
  translate,
  writeNewFile,
  type FileState,
} from './atomic-file.ts';

/** Files by role ("certificate", "key"); undefined: not there. */
export type FileContents = Record<string, Buffer | undefined>;

/** A digest of all files of a set: equal exactly when every file is byte for byte the same. */
export function digestOf(contents: FileContents): string {
  const hash = createHash('sha256');
  for (const role of Object.keys(contents).sort()) {
    const content = contents[role];
    hash.update(`${role}\0${content ? content.length : 'absent'}\0`);
    if (content) hash.update(content);
  }
  return hash.digest('hex');
}

/**
 * The files of one store, which change as one. A single file is replaced by rename. Several are links into a versioned
 * folder behind one link (`.certferry-<store>/current`), and that link is what changes: a reader sees all old or all new.
 * Every call rejects as soon as the signal is aborted, even while the file system hangs; what hung changes nothing later.
 */
export class FileSet {
  readonly #paths: Record<string, string>;
  readonly #names: TemporaryNames;
  readonly #home: string;
  readonly #signal: AbortSignal;

  /** `paths`: role -> real path. */
  constructor(paths: Record<string, string>, { storeId, signal }: Pick<DriverContext, 'storeId' | 'signal'>) {
    this.#paths = paths;
    this.#signal = signal;
    this.#names = new TemporaryNames(storeId);
    this.#home = join(dirname(Object.values(paths)[0]!), `.certferry-${storeId}`);
  }

  get #single(): [role: string, path: string] | undefined {
    const entries = Object.entries(this.#paths);
    return entries.length === 1 ? entries[0] : undefined;
  }

  async read(): Promise<FileContents> {
    return await untilAborted(this.#signal, this.#read());
  }

  async #read(): Promise<FileContents> {
    const states = await this.#readStates();
    return Object.fromEntries(Object.entries(states).map(([role, state]) => [role, state?.content]));
  }

  async #readStates(): Promise<Record<string, FileState | undefined>> {
    const states: Record<string, FileState | undefined> = {};
    for (const [role, path] of Object.entries(this.#paths)) {
      states[role] = await readRegularFile(
        (await this.#isOwnLink(role, path)) ? join(this.#home, 'current', role) : path,
      );
    }
    return states;
  }

  async #isOwnLink(role: string, path: string): Promise<boolean> {
    if (this.#single || !(await statLink(path))?.isSymbolicLink()) return false;
    return (await readlink(path)) === this.#linkTarget(role, path);
  }

  #linkTarget(role: string, path: string): string {
    return relative(dirname(path), join(this.#home, 'current', role));
  }

  /** Makes the files as given, if they still have the digest `expected`. ABORTED STORE_CHANGED otherwise; nothing is changed then. */
  async write(contents: FileContents, expected: string): Promise<void> {
    await untilAborted(this.#signal, this.#write(contents, expected));
  }

  async #write(contents: FileContents, expected: string): Promise<void> {
    const confirm = async () => {
      if (digestOf(await this.#read()) !== expected) throw changedMeanwhile();
      this.#signal.throwIfAborted();
    };
    const single = this.#single;
    try {
      if (single) await this.#writeSingle(single, contents, confirm);
      else await this.#writeVersion(contents, confirm);
    } catch (error) {
      throw translate(error, dirname(this.#home));
    }
  }

  async #writeSingle(
    [role, path]: [string, string],
    contents: FileContents,
    confirm: () => Promise<void>,
  ): Promise<void> {
    const content = contents[role];
    if (content) {
      const like = (await readRegularFile(path))?.stats;
      await replaceFile(path, content, { names: this.#names, like, confirm });
      return;
    }
    await confirm();
    await unlink(path);
    await syncFolder(dirname(path));
  }

  async #writeVersion(contents: FileContents, confirm: () => Promise<void>): Promise<void> {
    await mkdir(this.#home, { recursive: true, mode: 0o755 });
    for (const path of Object.values(this.#paths)) await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    const states = await this.#readStates();
    await this.#adopt(states);
    const version = await this.#makeVersion(contents, states);
    await confirm();
    await replaceLink(join(this.#home, 'current'), version, this.#names);
    await this.#cleanUp();
  }

  /** Turns files that are not links yet into links to a version with the same content: nothing changes for a reader. */
  async #adopt(states: Record<string, FileState | undefined>): Promise<void> {
    const unlinked: [string, string][] = [];
    for (const [role, path] of Object.entries(this.#paths))
      if (!(await this.#isOwnLink(role, path))) unlinked.push([role, path]);
    if (unlinked.length === 0) return;
    const contents = Object.fromEntries(Object.entries(states).map(([role, state]) => [role, state?.content]));
    const version = await this.#makeVersion(contents, states);
    this.#signal.throwIfAborted();
    await replaceLink(join(this.#home, 'current'), version, this.#names);
    for (const [role, path] of unlinked) await replaceLink(path, this.#linkTarget(role, path), this.#names);
  }

  async #makeVersion(contents: FileContents, states: Record<string, { stats: Stats } | undefined>): Promise<string> {
    const version = `version-${Date.now()}-${randomBytes(4).toString('hex')}`;
    const folder = join(this.#home, version);
    await mkdir(folder, { mode: 0o755 });
    for (const [role, content] of Object.entries(contents)) {
      if (content) await writeNewFile(join(folder, role), content, states[role]?.stats);
    }
    await syncFolder(folder);
    await syncFolder(this.#home);
    return version;
  }

  /** Removes temporary files and versions that nothing points to; and the links of a set that has no files any more. */
  async cleanUp(): Promise<void> {
    try {
      await untilAborted(this.#signal, this.#cleanUp());
    } catch (error) {
      throw translate(error, dirname(this.#home));
    }
  }

  async #cleanUp(): Promise<void> {
    this.#signal.throwIfAborted();
    for (const folder of new Set(Object.values(this.#paths).map((path) => dirname(path))))
      await this.#names.sweep(folder);
    if (this.#single || !(await statLink(this.#home))) return;
    await this.#names.sweep(this.#home);
    const current = await readlink(join(this.#home, 'current')).catch(() => undefined);
    for (const name of await readdir(this.#home)) {
      if (name !== 'current' && name !== current) await removeAll(join(this.#home, name));
    }
    const left = current ? await readdir(join(this.#home, current)) : [];
    if (left.length > 0) return;
    for (const [role, path] of Object.entries(this.#paths)) if (await this.#isOwnLink(role, path)) await unlink(path);
    await removeAll(this.#home);
  }

  /** Writes and removes a temporary file in every folder of the set. */
  async tryWriting(): Promise<void> {
    await untilAborted(this.#signal, this.#tryWriting());
  }

  async #tryWriting(): Promise<void> {
    this.#signal.throwIfAborted();
    for (const path of Object.values(this.#paths)) {
      const folder = dirname(path);
      const stats = await statLink(path);
      if (stats && !stats.isFile() && !stats.isSymbolicLink())
        throw precondition('NOT_A_FILE', `${path} is not a regular file.`, { path });
      const temporary = this.#names.next(folder);
      try {
        await mkdir(folder, { recursive: true, mode: 0o755 });
        await writeNewFile(temporary, Buffer.from('Certferry was here\n'));
        await unlink(temporary);
      } catch (error) {
        throw translate(error, folder);
      }
    }
  }
}
