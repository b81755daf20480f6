import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { DriverContext } from '../driver-context.ts';
import { changedMeanwhile, type StoreNote } from '../store-driver.ts';
import { untilAborted } from '../until-aborted.ts';
import { Accounts } from './accounts.ts';
import {
  digestOfFile,
  keepOld,
  makeStep,
  notAsWritten,
  readJournal,
  recover,
  syncFolders,
  undo,
  writeJournal,
  type ExchangeContext,
  type Step,
} from './exchange.ts';
import { errnoOf, linkRefused, mountPoint, notAFile, toFileError } from './file-error.ts';
import type { FileFacts, FileSystem } from './file-system.ts';
import { localFileSystem } from './local-file-system.ts';
import { writeNewFile, type NewFileRights } from './new-file.ts';
import { followOwnLink, removeLinked } from './own-link.ts';
import { OwnNames } from './own-names.ts';
import { VersionedLinks } from './versioned-links.ts';

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

/** How the files of a set are written; all of it may be left out. */
export interface FileSetOptions {
  /** Where they are; absent: on this machine. */
  files?: FileSystem;
  /** "links": several files behind one link, see VersionedLinks. */
  layout?: 'files' | 'links';
  /** "in-place": a file that is there is written over instead of replaced. */
  write?: 'replace' | 'in-place';
  /** Of files that are not there yet, by role; absent: 0600. */
  rights?: Record<string, NewFileRights>;
}

const ONLY_ME: NewFileRights = { mode: 0o600 };

/** A file of a set as it is. */
export interface PresentFile {
  /** Where its content is: its path, or what a link of ours at its path leads to. */
  at: string;
  linked: boolean;
  content?: Buffer;
  facts?: FileFacts;
}

/**
 * The files of one store, which change as one: regular files at the paths that were asked for. All temporary files come
 * first, then the renames at once, in the order of the paths (a key before its certificate); what was begun is written
 * down beside them, so that `cleanUp` finishes or undoes it after a crash. Every call rejects as soon as the signal is
 * aborted, even while the file system hangs; what hung changes nothing later.
 */
export class FileSet {
  readonly #paths: Record<string, string>;
  readonly #context: Pick<DriverContext, 'storeId' | 'signal'> & Partial<Pick<DriverContext, 'roots'>>;
  readonly #options: FileSetOptions;
  readonly #files: FileSystem;
  readonly #accounts: Accounts;
  readonly #names: OwnNames;
  readonly #exchange: ExchangeContext;

  /** `paths`: role -> real path, in the order in which they are replaced. */
  constructor(
    paths: Record<string, string>,
    context: Pick<DriverContext, 'storeId' | 'signal'> & Partial<Pick<DriverContext, 'roots'>>,
    options: FileSetOptions = {},
  ) {
    this.#paths = paths;
    this.#context = context;
    this.#options = options;
    this.#files = options.files ?? localFileSystem;
    this.#accounts = new Accounts(this.#files);
    this.#names = new OwnNames(context.storeId);
    const read = async (path: string) => (await this.#present(path)).content;
    this.#exchange = { files: this.#files, names: this.#names, read };
  }

  get #folders(): string[] {
    return [...new Set(Object.values(this.#paths).map((path) => dirname(path)))];
  }

  /** Undefined for one file, and for the layout "files". */
  get #links(): VersionedLinks | undefined {
    if (this.#options.layout !== 'links' || Object.keys(this.#paths).length === 1) return undefined;
    return new VersionedLinks(this.#paths, {
      storeId: this.#context.storeId,
      files: this.#files,
      names: this.#names,
      signal: this.#context.signal,
      present: (path) => this.#present(path),
      create: (role, to) => this.#create(role, to),
    });
  }

  async read(): Promise<FileContents> {
    return await this.#run(this.#read());
  }

  async #read(): Promise<FileContents> {
    const contents: FileContents = {};
    for (const [role, path] of Object.entries(this.#paths)) contents[role] = (await this.#present(path)).content;
    return contents;
  }

  async #present(path: string): Promise<PresentFile> {
    try {
      const linked = await followOwnLink(this.#files, path, async (leadsTo) => {
        if (!this.#context.roots) throw linkRefused(path, leadsTo);
        return await this.#context.roots.resolve(leadsTo, this.#context.signal);
      });
      const at = linked ?? path;
      const found = await this.#files.read(at);
      if (found && !('content' in found)) throw notAFile(path);
      return { at, linked: linked !== undefined, ...found };
    } catch (error) {
      if (errnoOf(error) === 'ELOOP') throw linkRefused(path, await this.#files.readLink(path));
      throw toFileError(error, path);
    }
  }

  /**
   * Makes the files as given, if they still have the digest `expected`. ABORTED STORE_CHANGED otherwise; nothing is
   * changed then. Answers what a person should know.
   */
  async write(contents: FileContents, expected: string): Promise<StoreNote[]> {
    return await this.#run(this.#write(contents, expected));
  }

  async #write(contents: FileContents, expected: string): Promise<StoreNote[]> {
    const confirm = async () => {
      if (digestOf(await this.#read()) !== expected) throw changedMeanwhile();
      this.#context.signal.throwIfAborted();
    };
    for (const folder of this.#folders) await this.#files.makeFolder(folder);
    return await (this.#links ? this.#links.write(contents, confirm) : this.#replace(contents, confirm));
  }

  async #replace(contents: FileContents, confirm: () => Promise<void>): Promise<StoreNote[]> {
    const steps: Step[] = [];
    let began = false;
    try {
      const { notes, leftovers } = await this.#stage(contents, steps);
      const needsJournal = steps.length > 1 || leftovers.length > 0 || steps.some((step) => step.inPlace);
      if (needsJournal) await writeJournal(this.#exchange, this.#folders[0]!, { steps, leftovers });
      await confirm();
      began = true;
      for (const step of steps) await makeStep(this.#exchange, step);
      await this.#settle(steps, leftovers);
      return notes;
    } catch (error) {
      if (!began || (await this.#goBack(steps))) await this.#sweep().catch(() => undefined);
      throw toFileError(error, this.#folders[0]!);
    }
  }

  /** Writes every file that changes beside its path, and keeps the old ones that a later step may need back. */
  async #stage(contents: FileContents, steps: Step[]): Promise<{ notes: StoreNote[]; leftovers: string[] }> {
    const notes: StoreNote[] = [];
    const leftovers: string[] = [];
    const olds: PresentFile[] = [];
    for (const [role, path] of Object.entries(this.#paths)) {
      const content = contents[role];
      const old = await this.#present(path);
      if (!old.linked && digestOfFile(content) === digestOfFile(old.content)) continue;
      if (old.linked) leftovers.push(old.at);
      const inPlace =
        this.#options.write === 'in-place' && content !== undefined && old.facts !== undefined && !old.linked;
      const step: Step = { path, oldDigest: digestOfFile(old.content), newDigest: digestOfFile(content), inPlace };
      olds.push(old);
      steps.push(step);
      if (!content) continue;
      step.next = this.#names.next(dirname(path));
      notes.push(...(await this.#create(role, { path, old, to: step.next, content })));
    }
    for (const [i, step] of steps.entries()) {
      const old = olds[i]!;
      if (old.content && (step.inPlace || i < steps.length - 1)) step.old = await this.#keep(step, old);
    }
    return { notes, leftovers };
  }

  async #keep({ path, inPlace }: Step, old: PresentFile): Promise<string> {
    const role = Object.keys(this.#paths).find((one) => this.#paths[one] === path)!;
    const copy = async (to: string) => void (await this.#create(role, { path, old, to, content: old.content! }));
    if (!inPlace) return await keepOld(this.#exchange, { path, copy });
    const to = this.#names.next(dirname(path));
    await copy(to);
    return to;
  }

  /** Writes one file of the set beside the others, with the rights of the old one, and reads it back. */
  async #create(
    role: string,
    { path, old, to, content }: { path: string; old: PresentFile; to: string; content: Buffer },
  ): Promise<StoreNote[]> {
    const notes = await writeNewFile(
      this.#files,
      { path: to, content },
      {
        accounts: this.#accounts,
        path,
        ...(old.facts && { old: { path: old.at, facts: old.facts } }),
        fresh: this.#options.rights?.[role] ?? ONLY_ME,
      },
    );
    const written = await this.#files.read(to);
    if (!written || !('content' in written) || !written.content.equals(content)) throw notAsWritten(path);
    return notes;
  }

  /** What comes when every file is as it is to be. */
  async #settle(steps: Step[], leftovers: string[]): Promise<void> {
    await syncFolders(this.#exchange, steps);
    for (const leftover of leftovers) await removeLinked(this.#files, leftover);
    await this.#sweep();
  }

  /** Whether nothing of a change that failed midway is left to be finished or undone later. */
  async #goBack(steps: Step[]): Promise<boolean> {
    const read = async ({ path }: Step) => digestOfFile(await this.#exchange.read(path));
    try {
      const digests = await Promise.all(steps.map(read));
      // What is made but not surely on the disk is finished by the next clean-up.
      if (digests.every((digest, i) => digest === steps[i]!.newDigest)) return false;
      await undo(this.#exchange, steps);
      return true;
    } catch {
      return false;
    }
  }

  /** Finishes or undoes what a crash has interrupted, and removes what it has left. */
  async cleanUp(): Promise<void> {
    await this.#run(this.#cleanUp());
  }

  async #cleanUp(): Promise<void> {
    this.#context.signal.throwIfAborted();
    try {
      for (const folder of this.#folders) {
        const change = await readJournal(this.#exchange, folder, Object.values(this.#paths));
        if (change && (await recover(this.#exchange, change)))
          for (const leftover of change.leftovers) await removeLinked(this.#files, leftover);
      }
      await this.#sweep();
      await this.#links?.cleanUp();
    } catch (error) {
      throw toFileError(error, this.#folders[0]!);
    }
  }

  async #sweep(): Promise<void> {
    for (const folder of this.#folders) await this.#names.sweep(this.#files, folder);
  }

  /** Writes a file as a change would, beside each of the set, and removes it. */
  async tryWriting(): Promise<void> {
    await this.#run(this.#tryWriting());
  }

  async #tryWriting(): Promise<void> {
    this.#context.signal.throwIfAborted();
    for (const [role, path] of Object.entries(this.#paths)) {
      const old = await this.#present(path);
      const to = this.#names.next(dirname(path));
      try {
        await this.#files.makeFolder(dirname(path));
        if (this.#options.write === 'in-place' && old.facts) await this.#files.checkWritable(path);
        else if (await this.#files.isMountPoint(path)) throw mountPoint(path);
        await this.#create(role, { path, old, to, content: Buffer.from('Certferry was here\n') });
        await this.#files.unlink(to);
        if (this.#links) await this.#links.tryLinking(dirname(path));
      } catch (error) {
        await this.#files.unlink(to).catch(() => undefined);
        throw toFileError(error, path);
      }
    }
  }

  async #run<T>(made: Promise<T>): Promise<T> {
    try {
      return await untilAborted(this.#context.signal, made);
    } catch (error) {
      throw toFileError(error, this.#folders[0]!);
    }
  }
}
