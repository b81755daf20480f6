import { AppError } from '@certferry/core';
import { isRetryable, type Job, type JobError } from '../jobs/job.ts';
import { keepAfterJob } from '../places/keep-content.ts';
import { pruneVersions } from '../versions/keep-version.ts';
import { rollBack } from '../versions/roll-back.ts';
import { runJobHooks, type Visit } from './run-job-hooks.ts';
import type { Failure } from './run-store-hooks.ts';

/**
 * Ends a job that has written and then failed: the old content is put back, and loaded where the service may have
 * loaded the new. That it is being undone is saved first, so that an interrupted one goes on. Throws where another
 * attempt may be able to put it back. `found` is what the job has to say of it.
 */
export async function undo(visit: Visit, failure: Failure, found: Partial<Job> = {}): Promise<void> {
  const { context, open, job, step } = visit;
  const intent = job().intent!;
  if (!intent.failure)
    await step(job().state, {
      message: `Rolling back: ${failure.message}`,
      set: { ...found, intent: { ...intent, failure } },
    });
  const { ensureHeld } = visit;
  const rolledBack = await rollBack(context, open, { intent: job().intent!, alias: job().alias, ensureHeld });
  const again = rolledBack.ok && failure.reload ? await runJobHooks(visit, 'again') : undefined;
  await keepFound(visit);
  const said = [failure.message, rolledBack.message, ...(again ? [`But then: ${again.message}`] : [])];
  const error: JobError = { reason: failure.reason, message: said.join(' '), retryable: false };
  await step('dead', {
    message: rolledBack.message,
    set: { error, rolledBack, changes: rolledBack.ok ? [] : intent.changes },
    unset: rolledBack.ok ? ['intent', 'hooksDue'] : ['intent'],
  });
  await pruneVersions(visit);
}

/** Keeps what the store holds now. What cannot be read was there before: so much is known of it already. */
async function keepFound({ context, open, job, ensureHeld }: Visit): Promise<void> {
  const entries = await open.entries().catch((error: unknown) => {
    if (error instanceof AppError && !isRetryable(error)) return undefined;
    throw error;
  });
  ensureHeld();
  if (entries) await keepAfterJob(context, job(), { entries, at: context.clock.now() });
}
