import type { Logger } from '@certferry/runtime';
import type { Job } from './job.ts';

/** What every line of the log about a job has. */
export const loggedJob = ({ _id: jobId, requestId, requestedBy: caller }: Job) => ({ jobId, requestId, caller });

/** One line for every job that has ended, however it did. */
export function logJobEnd(logger: Logger, job: Job): void {
  const { status, attempts, error, storeId, certificateId } = job;
  logger.info({ ...loggedJob(job), status, attempts, reason: error?.reason, storeId, certificateId }, 'job ended');
}
