import { AppError } from '@certferry/core';
import { expect, test } from 'vitest';
import { isRetryable, makeStep, type Job, type JobState } from './job.ts';

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

const intent = { oldDigest: 'o', newDigest: 'n', changes: [] };

test('every status is announced once, and sequences have no gap', () => {
  const path: JobState[] = ['leased', 'intent', 'written', 'retry', 'leased', 'intent', 'written', 'verified', 'done'];
  let now = job;
  const events: { status: string; sequence: number }[] = [];
  for (const state of path) {
    const { event, next } = makeStep(now, { state, at });
    const data = event?.data as { status: string; sequence: number } | undefined;
    if (data) events.push({ status: data.status, sequence: data.sequence });
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
  const { next, unset } = makeStep({ ...job, intent }, { state: 'done', at, unset: ['intent'] });
  expect(unset).toEqual(['intent', 'dueAt']);
  expect(next).not.toHaveProperty('intent');
  expect(next).not.toHaveProperty('dueAt');
  const later = new Date(at.getTime() + 1000);
  const dead: Job = { ...job, state: 'dead', status: 'failed' };
  expect(makeStep(dead, { state: 'queued', at, set: { dueAt: later } }).next.status).toBe('scheduled');
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
