import { precondition, type Clock } from '@certferry/core';
import { findJob } from './find-job.ts';
import type { Job, JobState, Transition } from './job.ts';
import type { Jobs } from './jobs.ts';

export interface DecisionContext {
  jobs: Jobs;
  clock: Clock;
  /** Called when a job was saved. */
  saved: () => void;
}

/** Cancels a job that waits. FAILED_PRECONDITION JOB_NOT_CANCELLABLE. */
export async function cancelJob(context: DecisionContext, id: string): Promise<Job> {
  return await move(context, id, {
    from: ['queued', 'retry'],
    refuse: ({ status }) =>
      precondition('JOB_NOT_CANCELLABLE', `The job is ${status}; only a job that waits can be cancelled.`, { status }),
    to: { state: 'cancelled', message: 'Cancelled by a caller.' },
  });
}

/** Queues a failed, cancelled or drifted job again, as if it were new. FAILED_PRECONDITION JOB_NOT_RETRYABLE. */
export async function retryJob(context: DecisionContext, id: string): Promise<Job> {
  return await move(context, id, {
    from: ['dead', 'cancelled', 'drifted'],
    refuse: ({ status }) =>
      precondition(
        'JOB_NOT_RETRYABLE',
        `The job is ${status}; only a failed, cancelled or drifted job can be retried.`,
        { status },
      ),
    to: {
      state: 'queued',
      message: 'Retried by a caller.',
      set: { attempts: 0, dueAt: context.clock.now() },
      unset: ['intent', 'error'],
    },
  });
}

async function move(
  context: DecisionContext,
  id: string,
  { from, refuse, to }: { from: JobState[]; refuse: (job: Job) => Error; to: Omit<Transition, 'at'> },
): Promise<Job> {
  for (;;) {
    const job = await findJob(context, id);
    if (!from.includes(job.state)) throw refuse(job);
    const moved = await context.jobs.step(job, { ...to, at: context.clock.now() });
    if (!moved) continue;
    context.saved();
    return moved;
  }
}
