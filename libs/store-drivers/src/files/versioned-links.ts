import { randomBytes } from 'node:crypto';
import { dirname, join, relative } from 'node:path';
import type { StoreNote } from '../store-driver.ts';
import type { FileContents, PresentFile } from './file-set.ts';
import type { FileSystem } from './file-system.ts';
import { removeLinked } from './own-link.ts';
import { removeAll, type OwnNames } from './own-names.ts';

export interface LinksContext {
  storeId: string;
  files: FileSystem;
  names: OwnNames;
  signal: AbortSignal;
  present: (path: string) => Promise<PresentFile>;
  /** Writes a file with the rights of `old`, and reads it back. */
  create: (role: string, file: { path: string; old: PresentFile; to: string; content: Buffer }) => Promise<StoreNote[]>;
}

/** Where links of a store that was here before led to, until that is removed. */
const FORMER = 'former.json';

/**
 * The layout "links": the paths are links into a versioned folder behind one link (`.certferry-<store>/current`), and
 * that link is what changes: who goes by it sees all old or all new.
 */
export class VersionedLinks {
  readonly #paths: Record<string, string>;
  readonly #context: LinksContext;
  readonly #home: string;

  constructor(paths: Record<string, string>, context: LinksContext) {
    this.#paths = paths;
    this.#context = context;
    this.#home = join(dirname(Object.values(paths).at(-1)!), `.certferry-${context.storeId}`);
  }

  get #current(): string {
    return join(this.#home, 'current');
  }

  async write(contents: FileContents, confirm: () => Promise<void>): Promise<StoreNote[]> {
    await this.#context.files.makeFolder(this.#home);
    await this.#adopt(await this.#presentFiles());
    const { version, notes } = await this.#makeVersion(contents, await this.#presentFiles());
    await confirm();
    await this.#replaceLink(this.#current, version);
    await this.cleanUp();
    return notes;
  }

  async #presentFiles(): Promise<Record<string, PresentFile>> {
    const files: Record<string, PresentFile> = {};
    for (const [role, path] of Object.entries(this.#paths)) files[role] = await this.#context.present(path);
    return files;
  }

  /** Turns files and links of another store into own links to a version with the same content: nothing changes for a reader. */
  async #adopt(olds: Record<string, PresentFile>): Promise<void> {
    const { files, signal } = this.#context;
    const others = Object.entries(olds).filter(([role, { at }]) => at !== join(this.#current, role));
    if (others.length === 0) return;
    const contents = Object.fromEntries(Object.entries(olds).map(([role, { content }]) => [role, content]));
    const { version } = await this.#makeVersion(contents, olds);
    const former = others.flatMap(([, { linked, at }]) => (linked ? [at] : []));
    if (former.length > 0) await this.#writeFormer(former);
    signal.throwIfAborted();
    await this.#replaceLink(this.#current, version);
    for (const [role] of others) await this.#replaceLink(this.#paths[role]!, this.#linkTarget(role));
    await files.syncFolder(this.#home);
  }

  async #writeFormer(former: string[]): Promise<void> {
    const { files } = this.#context;
    const before = await this.#readFormer();
    await removeAll(files, join(this.#home, FORMER));
    const file = await files.create(join(this.#home, FORMER));
    try {
      await file.write(Buffer.from(JSON.stringify([...before, ...former])));
      await file.sync();
    } finally {
      await file.close();
    }
  }

  #linkTarget(role: string): string {
    return relative(dirname(this.#paths[role]!), join(this.#current, role));
  }

  async #makeVersion(
    contents: FileContents,
    olds: Record<string, PresentFile>,
  ): Promise<{ version: string; notes: StoreNote[] }> {
    const { files, create } = this.#context;
    const version = `version-${Date.now()}-${randomBytes(4).toString('hex')}`;
    const folder = join(this.#home, version);
    await files.makeFolder(folder);
    const notes: StoreNote[] = [];
    for (const [role, content] of Object.entries(contents)) {
      const to = join(folder, role);
      if (content) notes.push(...(await create(role, { path: this.#paths[role]!, old: olds[role]!, to, content })));
    }
    await files.syncFolder(folder);
    await files.syncFolder(this.#home);
    return { version, notes };
  }

  async #replaceLink(path: string, target: string): Promise<void> {
    const { files, names } = this.#context;
    const temporary = names.next(dirname(path));
    await files.symlink(target, temporary);
    await files.rename(temporary, path);
    await files.syncFolder(dirname(path));
  }

  /** Removes versions that nothing points to; and the links of a set that has no files any more. */
  async cleanUp(): Promise<void> {
    const { files, names } = this.#context;
    if (!(await files.facts(this.#home))) return;
    await names.sweep(files, this.#home);
    await this.#removeFormer();
    const isLink = (await files.facts(this.#current))?.kind === 'link';
    const current = isLink ? await files.readLink(this.#current) : undefined;
    for (const name of await files.list(this.#home))
      if (![current, 'current', FORMER].includes(name)) await removeAll(files, join(this.#home, name));
    const left = current ? await files.list(join(this.#home, current)) : [];
    if (left.length > 0) return;
    for (const [role, path] of Object.entries(this.#paths)) if (await this.#isOwnLink(role)) await files.unlink(path);
    await removeAll(files, this.#home);
  }

  /** What own links have taken the place of; a crash may have come before that was removed. */
  async #removeFormer(): Promise<void> {
    const former = await this.#readFormer();
    if (former.length === 0) return;
    for (const role of Object.keys(this.#paths)) if (!(await this.#isOwnLink(role))) return;
    for (const linked of former) await removeLinked(this.#context.files, linked);
    await removeAll(this.#context.files, join(this.#home, FORMER));
  }

  async #readFormer(): Promise<string[]> {
    const found = await this.#context.files.read(join(this.#home, FORMER));
    return found && 'content' in found ? parsePaths(found.content) : [];
  }

  async #isOwnLink(role: string): Promise<boolean> {
    const { files } = this.#context;
    const path = this.#paths[role]!;
    if ((await files.facts(path))?.kind !== 'link') return false;
    return (await files.readLink(path)) === this.#linkTarget(role);
  }

  async tryLinking(folder: string): Promise<void> {
    const { files, names } = this.#context;
    const temporary = names.next(folder);
    await files.symlink('nowhere', temporary);
    await files.unlink(temporary);
  }
}

function parsePaths(content: Buffer): string[] {
  try {
    const parsed = JSON.parse(content.toString()) as unknown;
    return Array.isArray(parsed) ? parsed.filter((one) => typeof one === 'string') : [];
  } catch {
    return [];
  }
}
