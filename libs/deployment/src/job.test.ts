import { AppError } from '@certferry/core';
import { expect, test } from 'vitest';
import { backoff, isRetryable, stepUpdate, type Job, type JobState } from './job.ts';

const at = new Date('2026-01-01T00:00:00Z');
const job: Job = {
  _id: 'j',
  storeId: 's',
  certificateId: 'c',
  fingerprintSha256: 'f',
  action: 'add',
  alias: '',
  overwrite: false,
  includePrivateKey: false,
  state: 'queued',
  status: 'queued',
  generation: 0,
  attempts: 0,
  changes: [],
  timeline: [],
  sequence: 1,
  number: 1,
  createdAt: at,
  updatedAt: at,
  dueAt: at,
};

test('every status is announced once, and sequences have no gap', () => {
  const path: JobState[] = ['leased', 'intent', 'written', 'retry', 'leased', 'intent', 'written', 'verified', 'done'];
  let now = job;
  const events: { status: string; sequence: number }[] = [];
  for (const state of path) {
    const { update, next } = stepUpdate(now, { state, at });
    const event = (update['$push'] as { pendingEvents?: { data: { status: string; sequence: number } } }).pendingEvents;
    if (event) events.push({ status: event.data.status, sequence: event.data.sequence });
    now = next;
  }
  expect(events).toEqual([
    { status: 'running', sequence: 2 },
    { status: 'retrying', sequence: 3 },
    { status: 'running', sequence: 4 },
    { status: 'succeeded', sequence: 5 },
  ]);
  expect(now.dueAt).toBeUndefined();
});

test('a final step is not due any more; a retry by hand in the future is scheduled', () => {
  const { update } = stepUpdate(job, { state: 'done', at, unset: ['intent'] });
  expect(update['$unset']).toEqual({ intent: 1, dueAt: 1 });
  const later = new Date(at.getTime() + 1000);
  expect(
    stepUpdate({ ...job, state: 'dead', status: 'failed' }, { state: 'queued', at, set: { dueAt: later } }).next.status,
  ).toBe('scheduled');
});

test('back-off doubles, is capped and jitters below', () => {
  expect([1, 2, 3, 9, 20].map((attempt) => backoff(attempt, () => 1))).toEqual([1_000, 2_000, 4_000, 256_000, 300_000]);
  expect(backoff(1, () => 0)).toBe(500);
});

test('what needs a person is not tried again', () => {
  const error = (code: AppError['code']) => new AppError({ code, reason: 'X', message: 'x' });
  expect((['UNAVAILABLE', 'ABORTED', 'INTERNAL'] as const).every((code) => isRetryable(error(code)))).toBe(true);
  expect(
    (['PERMISSION_DENIED', 'NOT_FOUND', 'FAILED_PRECONDITION', 'INVALID_ARGUMENT'] as const).some((code) =>
      isRetryable(error(code)),
    ),
  ).toBe(false);
});
