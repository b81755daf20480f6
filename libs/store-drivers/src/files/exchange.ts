import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { z } from 'zod';
import { AppError } from '@certferry/core';
import { errnoOf, toFileError } from './file-error.ts';
import type { FileSystem } from './file-system.ts';
import { unless, type OwnNames } from './own-names.ts';

/** Of one file: SHA-256, lower-case hexadecimal; empty for a file that is not there. */
export const digestOfFile = (content: Uint8Array | undefined): string =>
  content ? createHash('sha256').update(content).digest('hex') : '';

const step = z.strictObject({
  path: z.string(),
  /** The new content, beside the path; absent for a file that goes. */
  next: z.string().optional(),
  /** The old file, beside the path, to go back to; absent where there was none, or where no step comes after. */
  old: z.string().optional(),
  oldDigest: z.string(),
  newDigest: z.string(),
  /** Written over, not replaced. */
  inPlace: z.boolean(),
});
const journal = z.strictObject({ steps: z.array(step), leftovers: z.array(z.string()) });

/** One file's part of a change. */
export type Step = z.infer<typeof step>;

/** A change of several files, as it is written down before the first of them changes. */
export type Journal = z.infer<typeof journal>;

export interface ExchangeContext {
  files: FileSystem;
  names: OwnNames;
  /** The content that a reader of a path finds, links of ours followed. */
  read: (path: string) => Promise<Buffer | undefined>;
}

/** Writes a journal where `readJournal` finds it, on the disk when it resolves. */
export async function writeJournal({ files, names }: ExchangeContext, folder: string, change: Journal): Promise<void> {
  const file = await files.create(names.journal(folder));
  try {
    await file.write(Buffer.from(JSON.stringify(change)));
    await file.sync();
  } finally {
    await file.close();
  }
  // What the journal speaks of must be there when the journal is.
  for (const one of new Set([folder, ...change.steps.map(({ path }) => dirname(path))])) await files.syncFolder(one);
}

/** Undefined for none, for one that was not written to its end, and for one that speaks of other files than `paths`. */
export async function readJournal(
  { files, names }: ExchangeContext,
  folder: string,
  paths: string[],
): Promise<Journal | undefined> {
  const found = await files.read(names.journal(folder)).catch(unless('ELOOP'));
  if (!found || !('content' in found)) return undefined;
  const parsed = journal.safeParse(parseJson(found.content));
  if (!parsed.success) return undefined;
  const isOurs = ({ path, next, old }: Step): boolean =>
    paths.includes(path) && [next, old].every((one) => one === undefined || names.isBeside(one, path));
  return parsed.data.steps.every(isOurs) ? parsed.data : undefined;
}

function parseJson(content: Buffer): unknown {
  try {
    return JSON.parse(content.toString()) as unknown;
  } catch {
    return undefined;
  }
}

/** Makes one file what it is to be. */
export async function makeStep(
  { files, read }: ExchangeContext,
  { path, next, inPlace, newDigest }: Step,
): Promise<void> {
  if (next === undefined) return void (await files.unlink(path).catch(unless('ENOENT')));
  if (!inPlace) return await files.rename(next, path);
  await files.overwrite(path, (await read(next))!);
  if (digestOfFile(await read(path)) !== newDigest) throw notAsWritten(path);
}

/** Makes one file what it was. */
async function undoStep({ files, read }: ExchangeContext, { path, old, inPlace, oldDigest }: Step): Promise<void> {
  if (oldDigest === '') return void (await files.unlink(path).catch(unless('ENOENT')));
  if (old === undefined) return;
  if (inPlace) await files.overwrite(path, (await read(old))!);
  else await files.rename(old, path);
}

/** Undoes steps that were made, or began; throws when the files are not as they were. */
export async function undo(context: ExchangeContext, steps: Step[]): Promise<void> {
  for (const one of steps.toReversed())
    if (digestOfFile(await context.read(one.path)) !== one.oldDigest) await undoStep(context, one);
  await syncFolders(context, steps);
}

export async function syncFolders({ files }: ExchangeContext, steps: Step[]): Promise<void> {
  for (const folder of new Set(steps.map(({ path }) => dirname(path)))) await files.syncFolder(folder);
}

/**
 * Finishes a change that was interrupted, or undoes it where it cannot be finished. Files that are neither as before
 * nor as they were to be are left alone, all of them. Answers whether the change is made.
 */
export async function recover(context: ExchangeContext, { steps }: Journal): Promise<boolean> {
  const states = await Promise.all(steps.map((one) => stateOf(context, one)));
  if (states.includes('foreign')) return false;
  if (states.every((state) => state === 'old')) return false;
  const open = steps.filter((_, i) => states[i] !== 'new');
  const holds = async (path: string | undefined, digest: string) =>
    digest === '' || (path !== undefined && digestOfFile(await context.read(path)) === digest);
  const canFinish = await every(open, (one) => holds(one.next, one.newDigest));
  if (canFinish) {
    try {
      for (const one of open) await makeStep(context, one);
      await syncFolders(context, steps);
      return true;
    } catch (error) {
      // What made the first write stop may stop this one too.
      await undo(context, steps);
      throw toFileError(error, open[0]!.path);
    }
  }
  const made = steps.filter((_, i) => states[i] !== 'old');
  if (await every(made, (one) => holds(one.old, one.oldDigest))) await undo(context, made);
  return false;
}

async function every<T>(values: T[], is: (value: T) => Promise<boolean>): Promise<boolean> {
  for (const value of values) if (!(await is(value))) return false;
  return true;
}

type StepState = 'old' | 'new' | 'torn' | 'foreign';

async function stateOf({ read }: ExchangeContext, one: Step): Promise<StepState> {
  const content = await read(one.path);
  const digest = digestOfFile(content);
  if (digest === one.newDigest) return 'new';
  if (digest === one.oldDigest) return 'old';
  if (!one.inPlace || !content) return 'foreign';
  const [next, old] = [one.next && (await read(one.next)), one.old && (await read(one.old))];
  return next && old && isTorn(content, next, old) ? 'torn' : 'foreign';
}

/** Whether a file begins as the new one, and then ends or goes on as the old one: a write in place that did not come to its end. */
function isTorn(content: Buffer, next: Buffer, old: Buffer): boolean {
  let same = 0;
  while (same < content.length && content[same] === next[same]) same++;
  return same === content.length || content.subarray(same).equals(old.subarray(same));
}

export const notAsWritten = (path: string): AppError =>
  new AppError({
    code: 'UNAVAILABLE',
    reason: 'FILE_ERROR',
    message: `What was written to ${path} is not what is there.`,
    details: { path },
  });

/** Keeps the old file beside its path: the same file where the file system has second names, else a copy. */
export async function keepOld(
  { files, names }: ExchangeContext,
  { path, copy }: { path: string; copy: (to: string) => Promise<void> },
): Promise<string> {
  const to = names.next(dirname(path));
  try {
    await files.link(path, to);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') throw error;
    await copy(to);
  }
  return to;
}
