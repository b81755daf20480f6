import { precondition, type Clock } from '@certferry/core';
import { decidesAt } from './overtakes.ts';
import { findJob } from './find-job.ts';
import { isFinal, LEASED, type Job, type Transition } from './job.ts';
import type { Jobs } from './jobs.ts';

export interface DecisionContext {
  jobs: Jobs;
  clock: Clock;
  /** Called when a job was saved. */
  saved: () => void;
}

/** A job that has begun to write and has made no step for so long is taken to hang. */
const HANGING_MS = 5_000;

/**
 * Cancels a job that has not ended: one that runs is stopped, and writes nothing after its store's process has said so
 * or is gone. FAILED_PRECONDITION JOB_NOT_CANCELLABLE for one that has ended, or has begun to write and does not hang.
 */
export async function cancelJob(context: DecisionContext, id: string): Promise<Job> {
  const cancelled = await move(context, id, {
    refusal: (job) =>
      isFinal(job) || (hasBegun(job) && !hangs(job, context.clock.now()))
        ? precondition('JOB_NOT_CANCELLABLE', notCancellable(job), { status: job.status })
        : undefined,
    to: () => ({ state: 'cancelled', message: 'Cancelled by a caller.' }),
  });
  context.jobs.watch.cancelled(id);
  return cancelled;
}

/** What was begun is finished or undone before anything else, or nobody would ever look at what it left. */
const hasBegun = ({ state, intent }: Job): boolean => intent !== undefined && [...LEASED, 'retry'].includes(state);

/** Nobody can look at what it left either: the store's next job reads it back, as after a job that has failed. */
const hangs = ({ state, error, updatedAt }: Job, now: Date): boolean =>
  state === 'retry' ? error?.reason === 'TARGET_HANGS' : now.getTime() - updatedAt.getTime() > HANGING_MS;

const notCancellable = (job: Job): string =>
  isFinal(job)
    ? `The job is ${job.status}; only a job that has not ended can be cancelled.`
    : `The job is ${job.status} and has begun to write; what it began is finished or undone first.`;

/** Queues a failed, cancelled or drifted job again, as if it were new, for its time if that is still to come. FAILED_PRECONDITION JOB_NOT_RETRYABLE. */
export async function retryJob(context: DecisionContext, id: string): Promise<Job> {
  return await move(context, id, {
    refusal: ({ state, status }) =>
      ['dead', 'cancelled', 'drifted'].includes(state)
        ? undefined
        : precondition(
            'JOB_NOT_RETRYABLE',
            `The job is ${status}; only a failed, cancelled or drifted job can be retried.`,
            { status },
          ),
    to: (job) => {
      const now = context.clock.now();
      const dueAt = decidesAt(job) > now ? decidesAt(job) : now;
      return {
        state: 'queued',
        message: dueAt > now ? 'Retried by a caller; it waits for its time.' : 'Retried by a caller.',
        set: { attempts: 0, dueAt, decidesAt: dueAt },
        // Whatever it left is read anew, as whatever else stands in the store by now.
        unset: ['intent', 'error', 'rolledBack'],
      };
    },
  });
}

async function move(
  context: DecisionContext,
  id: string,
  { refusal, to }: { refusal: (job: Job) => Error | undefined; to: (job: Job) => Omit<Transition, 'at'> },
): Promise<Job> {
  const { jobs, clock, saved } = context;
  for (;;) {
    const job = await findJob(context, id);
    const refused = refusal(job);
    if (refused) throw refused;
    const moved = await jobs.step(job, { ...to(job), at: clock.now() });
    // Else somebody else has moved it meanwhile.
    if (!moved) continue;
    saved();
    return moved;
  }
}
