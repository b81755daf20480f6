import { notFound, raise } from '@certferry/core';
import type { Job } from './job.ts';
import type { Jobs } from './jobs.ts';

/** NOT_FOUND JOB_NOT_FOUND. */
export const findJob = async ({ jobs }: { jobs: Pick<Jobs, 'find'> }, id: string): Promise<Job> =>
  (await jobs.find(id)) ?? raise(notFound('job', id));
