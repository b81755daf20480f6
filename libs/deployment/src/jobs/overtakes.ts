import type { Job } from './job.ts';

/** What of two jobs for one place says which of them has the last word. */
export type Decision = Pick<Job, '_id' | 'createdAt' | 'decidesAt' | 'recurrence' | 'action' | 'certificateId'>;

/** When a job is to run, not when it was asked for: what is planned for tonight is not undone by what is deployed before. */
export const decidesAt = (job: Pick<Decision, 'createdAt' | 'decidesAt'>): Date => job.decidesAt ?? job.createdAt;

/**
 * Whether a job that has succeeded has the last word over another one for the same place, which then need not run. A
 * repetition decides nothing new with each run, and goes on keeping in place what is there by now.
 */
export function overtakes(done: Decision, job: Decision): boolean {
  if (job.recurrence && done.action === job.action && done.certificateId === job.certificateId) return false;
  const [theirs, ours] = [decidesAt(done).getTime(), decidesAt(job).getTime()];
  return theirs > ours || (theirs === ours && done._id > job._id);
}
