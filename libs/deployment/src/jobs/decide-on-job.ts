import { precondition, type Clock } from '@certferry/core';
import { decidesAt } from './overtakes.ts';
import { findJob } from './find-job.ts';
import { type Job, type Transition } from './job.ts';
import type { Jobs } from './jobs.ts';

export interface DecisionContext {
  jobs: Jobs;
  clock: Clock;
  /** Called when a job was saved. */
  saved: () => void;
}

/** Cancels a job that waits and has not begun to write. FAILED_PRECONDITION JOB_NOT_CANCELLABLE. */
export async function cancelJob(context: DecisionContext, id: string): Promise<Job> {
  return await move(context, id, {
    // What was begun is finished or undone before anything else, or nobody would ever look at what it left.
    refusal: ({ state, status, intent }) =>
      state === 'queued' || (state === 'retry' && !intent)
        ? undefined
        : precondition('JOB_NOT_CANCELLABLE', notCancellable(status, state === 'retry'), { status }),
    to: () => ({ state: 'cancelled', message: 'Cancelled by a caller.' }),
  });
}

const notCancellable = (status: string, begun: boolean): string =>
  begun
    ? `The job is ${status} and has begun to write; what it began is finished or undone first.`
    : `The job is ${status}; only a job that waits can be cancelled.`;

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
        unset: ['intent', 'error'],
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
