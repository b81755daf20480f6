import type { Logger } from '@certferry/runtime';
import type { Job } from './job.ts';
import { secondsOf } from './job-metrics.ts';

/** What every line of the log about a job has. */
export const loggedJob = ({ _id: jobId, requestId, requestedBy: caller }: Job) => ({ jobId, requestId, caller });

/** One line for every job that has ended, however it did. */
export function logJobEnd(logger: Logger, job: Job): void {
  const { status, attempts, error, storeId, storeKind: kind, certificateId } = job;
  const line = { ...loggedJob(job), kind, status, attempts, reason: error?.reason, seconds: secondsOf(job) };
  logger.info({ ...line, storeId, certificateId }, 'job ended');
}
