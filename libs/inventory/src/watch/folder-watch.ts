import { createHash } from 'node:crypto';
import { readFile, type FileHandle } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { AppError, newId, precondition } from '@certferry/core';
import type { Database } from '@certferry/database';
import type { Logger } from '@certferry/runtime';
import { Lease, LEASE_MS, Loop, type ResourceLeases } from '@certferry/work';
import type { EnrollmentProfile } from '../enrollment-profiles/enrollment-profile.ts';
import type { EnrollmentProfiles } from '../enrollment-profiles/enrollment-profiles.ts';
import type { ImportItems } from '../imports/import-items.ts';
import { keepRefused, startImport, type JobDraft, type StartContext } from '../imports/start-import.ts';
import { removeErrorFile, writeErrorFile } from './error-file.ts';
import { findFiles, openBelow } from './find-files.ts';
import type { WatchedFolder } from './watch-config.ts';
import type { WatchedFile, WatchedFiles } from './watched-files.ts';

export interface WatchContext extends StartContext {
  importItems: ImportItems;
  profiles: EnrollmentProfiles;
  watchedFiles: WatchedFiles;
  leases: ResourceLeases;
  database: Database;
  logger: Logger;
}

interface Seen {
  size: number;
  mtimeMs: number;
  /** `performance.now()` of when it was first seen so. */
  since: number;
}

const MAX_TOLD = 100;

/** Imports what appears in one folder, as a job of its own for each file. One process at a time looks at a folder. */
export class FolderWatch {
  readonly #context: WatchContext;
  readonly #config: WatchedFolder;
  readonly #folder: string;
  readonly #loop: Loop;
  #seen = new Map<string, Seen>();

  constructor(context: WatchContext, config: WatchedFolder) {
    this.#context = context;
    this.#config = config;
    this.#folder = resolve(config.folder);
    this.#loop = new Loop({
      round: (stopping) => this.#underLease(stopping),
      onError: (error) =>
        context.logger.warn({ err: error, folder: this.#folder }, 'a watched folder could not be read'),
      intervalMs: config.pollSeconds * 1_000,
      maxBackoffMs: 60_000,
    });
  }

  start(): void {
    this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
  }

  async #underLease(stopping: AbortSignal): Promise<void> {
    const { leases, database } = this.#context;
    const [folder, holder, takenAt, now] = [this.#folder, newId(), performance.now(), await database.now()];
    if (!(await leases.take(folder, holder, { now, until: new Date(now.getTime() + LEASE_MS) }))) return;
    const extend = (until: Date) => leases.extend(folder, holder, until);
    const lease = new Lease({ now: () => database.now(), extend, takenAt });
    try {
      await this.#look(() => lease.held && !stopping.aborted);
    } finally {
      await lease.stop();
      await leases.release(folder, holder);
    }
  }

  async #look(goesOn: () => boolean): Promise<void> {
    const known = await this.#context.watchedFiles.of(this.#folder);
    for (const file of known.values()) {
      if (!goesOn()) return;
      if (file.outcome === 'importing') await this.#settle(file);
    }
    const seen = new Map<string, Seen>();
    for (const path of await findFiles(this.#folder)) {
      if (!goesOn()) return;
      const now = await this.#lookAt(path, known);
      if (now) seen.set(path, now);
    }
    this.#seen = seen;
  }

  /** Imports a file that is new, or another than it was, and whole. */
  async #lookAt(path: string, known: Map<string, WatchedFile>): Promise<Seen | undefined> {
    const before = known.get(path);
    let file: FileHandle | undefined;
    try {
      file = await openBelow(this.#folder, path);
      if (!file) return undefined;
      const { size, mtimeMs } = await file.stat();
      const seen = this.#seeAs(path, { size, mtimeMs });
      const changed = before?.size !== size || before.mtimeMs !== mtimeMs;
      if (this.#isWhole(seen) && (changed ? before?.outcome !== 'importing' : await this.#wasLost(before)))
        await this.#take({ path, file, known, size, mtimeMs });
      return seen;
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'INVALID_ARGUMENT') throw error;
      if (before) return undefined;
      await this.#refuse({ path, digest: '', size: 0, mtimeMs: 0 }, newId(), error);
      return undefined;
    } finally {
      await file?.close();
    }
  }

  #seeAs(path: string, { size, mtimeMs }: { size: number; mtimeMs: number }): Seen {
    const last = this.#seen.get(path);
    const same = last?.size === size && last.mtimeMs === mtimeMs;
    return same ? last : { size, mtimeMs, since: performance.now() };
  }

  /** What was written long ago (renamed or moved into the folder) is whole at first sight. */
  #isWhole({ mtimeMs, since }: Seen): boolean {
    const quiet = this.#config.quietSeconds * 1_000;
    return Date.now() - mtimeMs >= quiet || performance.now() - since >= quiet;
  }

  /** Whether the process ended before there was an import of the file. */
  async #wasLost({ outcome, importId }: WatchedFile): Promise<boolean> {
    return outcome === 'importing' && (await this.#context.imports.find(importId)) === undefined;
  }

  async #take({ path, file, known, size, mtimeMs }: Taken): Promise<void> {
    const { watchedFiles } = this.#context;
    const digest = await digestOf(file);
    const after = await file.stat();
    if (after.size !== size || after.mtimeMs !== mtimeMs) return;
    const same = [...known.values()].find((one) => one.digest === digest && one.outcome === 'imported');
    const record = { folder: this.#folder, path, digest, size, mtimeMs };
    if (same) {
      await watchedFiles.save({ ...record, outcome: 'imported', importId: same.importId });
      return await this.#tell(path, () => removeErrorFile(join(this.#folder, path)));
    }
    // Remembered first: after a crash it is the same import that is begun again.
    const before = known.get(path);
    const lost = before && (await this.#wasLost(before));
    const importId = lost ? before.importId : newId();
    if (lost) await this.#context.contents.delete(importId);
    const importing = { ...record, outcome: 'importing', importId } as const;
    await watchedFiles.save(importing);
    known.set(path, { ...importing, _id: '' });
    const draft = await this.#draft(path);
    try {
      await startImport(this.#context, chunksOf(file), { id: importId, ...draft });
    } catch (error) {
      if (!(error instanceof AppError) || !['INVALID_ARGUMENT', 'RESOURCE_EXHAUSTED'].includes(error.code)) throw error;
      await this.#refuse(record, importId, error);
    }
  }

  async #draft(path: string): Promise<{ profile?: EnrollmentProfile; draft: () => JobDraft }> {
    const { name, tags, passwordFile, profile: profileId } = this.#config;
    const password = passwordFile && (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '');
    const profile = profileId === undefined ? undefined : await this.#context.profiles.find(profileId);
    if (profileId !== undefined && !profile)
      throw precondition(
        'ENROLLMENT_PROFILE_NOT_FOUND',
        `There is no enrollment profile "${profileId}" for the folder.`,
      );
    const asked = { firstOfPem: false, createOnly: false, formats: [], filePath: '' };
    const requestedBy = `watch:${basename(this.#folder)}`;
    const request = {
      ...{ ...asked, requestedBy, requestId: newId() },
      ...(name !== undefined && { name }),
      ...(tags && { tags }),
      ...(password && { password }),
    };
    return { ...(profile && { profile }), draft: () => ({ request, fileName: path, address: '' }) };
  }

  /** A file of which no import can be made is one that failed. */
  async #refuse(
    file: Omit<WatchedFile, '_id' | 'folder' | 'outcome' | 'importId'>,
    importId: string,
    error: AppError,
  ): Promise<void> {
    const { draft } = await this.#draft(file.path);
    const { reason, message } = error;
    await keepRefused(this.#context, { id: importId, draft: draft(), problem: { reason, message } });
    await this.#tell(file.path, () => writeErrorFile(join(this.#folder, file.path), [`${reason}: ${message}`]));
    await this.#context.watchedFiles.save({ ...file, folder: this.#folder, outcome: 'failed', importId });
  }

  /** Says beside the file how its import has ended, when it has. */
  async #settle(file: WatchedFile): Promise<void> {
    const { imports, importItems, watchedFiles } = this.#context;
    const job = await imports.find(file.importId);
    if (!job?.completedAt) return;
    const path = join(this.#folder, file.path);
    const outcome = job.status === 'completed' ? 'imported' : 'failed';
    const failures = await importItems.failures(file.importId, MAX_TOLD);
    const told = failures.map(
      ({ index, file: of, reason, message }) => `${of ?? `item ${index}`}: ${reason}: ${message}`,
    );
    const { problem, failed } = job;
    const lines = [
      `Import ${job._id} ${job.status}: ${failed} of ${job.total} failed.`,
      ...(problem ? [`${problem.reason}: ${problem.message}`] : []),
      ...told,
      ...(failed > told.length ? [`And ${failed - told.length} more.`] : []),
    ];
    await this.#tell(file.path, () => (outcome === 'imported' ? removeErrorFile(path) : writeErrorFile(path, lines)));
    await watchedFiles.save({ ...file, outcome });
    file.outcome = outcome;
  }

  /** What is said in the folder does not stop the import where the folder cannot be written. */
  async #tell(path: string, say: () => Promise<void>): Promise<void> {
    try {
      await say();
    } catch (error) {
      this.#context.logger.warn(
        { err: error, folder: this.#folder, path },
        'could not say beside a file what became of it',
      );
    }
  }
}

interface Taken {
  path: string;
  file: FileHandle;
  known: Map<string, WatchedFile>;
  size: number;
  mtimeMs: number;
}

const chunksOf = (file: FileHandle): AsyncIterable<Buffer> =>
  file.createReadStream({ start: 0, autoClose: false, highWaterMark: 1024 * 1024 });

async function digestOf(file: FileHandle): Promise<string> {
  const digest = createHash('sha256');
  for await (const chunk of chunksOf(file)) digest.update(chunk);
  return digest.digest('hex');
}
