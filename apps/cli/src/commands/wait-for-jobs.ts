import { setTimeout as delay } from 'node:timers/promises';
import { isFinal, type Client, type Job } from '@certferry/rest';
import { Progress } from '../progress.ts';

const POLL_MS = 200;

/** Waits until jobs have ended; why one of them is tried again is told on standard error, once for each attempt. */
export async function waitForJobs(api: Client, ids: string[]): Promise<Job[]> {
  const progress = new Progress(false);
  const told = new Map<string, number>();
  try {
    for (;;) {
      const jobs = await Promise.all(ids.map((id) => api.getJob({ params: { id } })));
      for (const job of jobs) {
        if (job.status !== 'retrying' || told.get(job.id) === job.attempts) continue;
        told.set(job.id, job.attempts);
        progress.clear();
        process.stderr.write(`${retryLine(job)}\n`);
      }
      const done = jobs.filter((job) => isFinal(job.status)).length;
      if (done === jobs.length) return jobs;
      progress.set(() => `${done} of ${jobs.length} jobs have ended`);
      await delay(POLL_MS);
    }
  } finally {
    progress.end();
  }
}

const retryLine = ({ id, attempts, error, nextRunAt }: Job): string =>
  `job ${id}: attempt ${attempts} failed: ${error?.message ?? 'for no known reason'} (${error?.reason ?? ''}); next try ${nextRunAt ?? 'soon'}`;
