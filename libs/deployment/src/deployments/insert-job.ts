import { newId } from '@certferry/core';
import type { Numbers } from '@certferry/database';
import type { Job } from '../jobs/job.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { ResolvedTarget } from './resolve-targets.ts';

type NewJob = Omit<ResolvedTarget, 'action'> &
  Pick<
    Job,
    'action' | 'restores' | 'requestKey' | 'recurrence' | 'repeats' | 'previousJobId' | 'requestedBy' | 'requestId'
  >;

/** Queues a job; answers the one that is there where its request key was used before. */
export async function insertJob(
  { jobs, numbers }: { jobs: Jobs; numbers: Numbers },
  job: NewJob,
  { now, dueAt }: { now: Date; dueAt: Date },
): Promise<Job> {
  const status = dueAt > now ? 'scheduled' : 'queued';
  return await jobs.insert({
    _id: newId(),
    ...job,
    number: await numbers.next(),
    state: 'queued',
    status,
    generation: 0,
    attempts: 0,
    decidesAt: job.recurrence?.anchor ?? dueAt,
    dueAt,
    changes: [],
    timeline: [{ at: now, step: 'queued', status, attempt: 0, message: '' }],
    sequence: 1,
    createdAt: now,
    updatedAt: now,
  });
}
