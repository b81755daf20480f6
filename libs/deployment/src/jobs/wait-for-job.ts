import { invalid } from '@certferry/core';
import { callContext } from '@certferry/rpc';
import { findJob } from './find-job.ts';
import { isFinal, type Job } from './job.ts';
import type { Jobs } from './jobs.ts';

const MAX_SECONDS = 25;
const DEFAULT_SECONDS = 10;
/** How often a job is looked at that another process may run. */
const LOOK_MS = 100;

/** The job when it is final, or as it is when the time is up (0: ten seconds) or the caller has left. */
export async function waitForJob(
  context: { jobs: Pick<Jobs, 'find' | 'watch'> },
  id: string,
  seconds: number,
): Promise<Job> {
  if (seconds < 0 || seconds > MAX_SECONDS)
    throw invalid('INVALID_FIELD', `seconds must be 0 to ${MAX_SECONDS}, not ${seconds}.`, { field: 'seconds' });
  const { signal } = callContext();
  const end = performance.now() + (seconds || DEFAULT_SECONDS) * 1_000;
  for (;;) {
    const job = await findJob(context, id);
    const left = end - performance.now();
    if (isFinal(job) || left <= 0 || signal.aborted) return job;
    await context.jobs.watch.nextStep(id, Math.min(left, LOOK_MS), signal);
  }
}
