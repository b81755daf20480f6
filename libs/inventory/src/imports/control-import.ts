import { raise, type Clock } from '@certferry/core';
import type { Contents } from './contents.ts';
import { importChanged, type ImportJob } from './import-job.ts';
import { hasEnded, type Imports } from './imports.ts';

export interface ControlContext {
  imports: Imports;
  contents: Contents;
  clock: Clock;
  /** Called when events were saved. */
  saved: () => void;
  /** Called when there is a job to go on with. */
  started: () => void;
}

/** The worker sees it when the items that it is at are done. FAILED_PRECONDITION IMPORT_HAS_ENDED. */
export async function pauseImport({ imports }: ControlContext, id: string): Promise<ImportJob> {
  const changed = await imports.setStatus(id, ['queued', 'running'], 'paused');
  const job = await imports.getJob(id);
  return changed || job.status === 'paused' ? job : raise(hasEnded(job));
}

/** FAILED_PRECONDITION IMPORT_HAS_ENDED; one that is not paused stays as it is. */
export async function resumeImport({ imports, started }: ControlContext, id: string): Promise<ImportJob> {
  const changed = await imports.setStatus(id, ['paused'], 'queued');
  const job = await imports.getJob(id);
  if (changed) started();
  return job.completedAt ? raise(hasEnded(job)) : job;
}

/** What was imported stays. FAILED_PRECONDITION IMPORT_HAS_ENDED; idempotent. */
export async function cancelImport(context: ControlContext, id: string): Promise<ImportJob> {
  const { imports, contents, clock, saved } = context;
  const job = await imports.getJob(id);
  const end = { status: 'cancelled', completedAt: clock.now() } as const;
  if (await imports.cancel(job, end, importChanged({ ...job, ...end }, end.completedAt))) {
    await contents.delete(id);
    saved();
  }
  const after = await imports.getJob(id);
  return after.status === 'cancelled' ? after : raise(hasEnded(after));
}
