import type { StoreEntry } from '@certferry/store-drivers';
import type { Job } from '../jobs/job.ts';
import type { Jobs } from '../jobs/jobs.ts';
import { contentOfJobs, contentRead, type StoreContent } from './store-content.ts';
import type { StoreContents } from './store-contents.ts';

export interface ContentContext {
  contents: StoreContents;
  jobs: Jobs;
}

/** What is kept of a store; of one from before that was kept, what its jobs say. */
export async function keptContent({ contents, jobs }: ContentContext, storeId: string): Promise<StoreContent> {
  for (;;) {
    const kept = await contents.find(storeId);
    if (kept) return kept;
    const made = contentOfJobs(storeId, await jobs.succeededOf(storeId));
    if (await contents.insert(made)) return made;
  }
}

/**
 * Keeps what a job found in its store at its end, before the job has ended: a crash in between repeats it, so that
 * no job has ended whose place is not known.
 */
export async function keepAfterJob(
  context: ContentContext,
  job: Job,
  { entries, at }: { entries: readonly StoreEntry[]; at: Date },
): Promise<void> {
  const by = job.action === 'add' ? job : undefined;
  for (;;) {
    const before = await keptContent(context, job.storeId);
    if (await context.contents.replace(contentRead(before, entries, { at, by }))) return;
  }
}

/** Reads a store and keeps what it holds, unless a job has written it meanwhile, who then has kept that. */
export async function keepRead(
  context: ContentContext,
  storeId: string,
  { read, at }: { read: () => Promise<StoreEntry[]>; at: Date },
): Promise<StoreEntry[]> {
  const before = await keptContent(context, storeId);
  const entries = await read();
  await context.contents.replace(contentRead(before, entries, { at }));
  return entries;
}
