import type { Client, Job } from '@certferry/rest';
import { afterEach, expect, test, vi } from 'vitest';
import { waitForJobs } from './wait-for-jobs.ts';

afterEach(() => vi.restoreAllMocks());

test('why a job is tried again is told once for each attempt, until it has ended', async () => {
  const error = (message: string) => ({ reason: 'FILE_ERROR', message, retryable: true });
  const nextRunAt = '2026-11-01T00:00:00Z';
  const answers: Partial<Job>[] = [
    { status: 'running', attempts: 1 },
    { status: 'retrying', attempts: 1, error: error('no room'), nextRunAt },
    { status: 'retrying', attempts: 1, error: error('no room'), nextRunAt },
    { status: 'running', attempts: 2, error: error('no room') },
    { status: 'retrying', attempts: 2, error: error('no room yet'), nextRunAt },
    { status: 'succeeded', attempts: 3 },
  ];
  const getJob = vi.fn(() => Promise.resolve({ id: 'j1', ...answers.shift() }));
  const written: unknown[] = [];
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => written.push(text) > 0);
  // Nothing else of it is called.
  const jobs = await waitForJobs({ getJob } as unknown as Client, ['j1']);
  expect(jobs).toMatchObject([{ id: 'j1', status: 'succeeded' }]);
  expect(written).toEqual([
    `job j1: attempt 1 failed: no room (FILE_ERROR); next try ${nextRunAt}\n`,
    `job j1: attempt 2 failed: no room yet (FILE_ERROR); next try ${nextRunAt}\n`,
  ]);
});
