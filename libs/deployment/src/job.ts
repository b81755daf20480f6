import type { AppError } from '@certferry/core';
import { createEvent, type Event, type Outbox } from '@certferry/events';
import type { Change } from '@certferry/store-drivers';
import type { Recurrence } from './recurrence.ts';

/** What callers see. */
export type JobStatus =
  'scheduled' | 'queued' | 'running' | 'retrying' | 'succeeded' | 'failed' | 'cancelled' | 'drifted';

/** Where a job is: queued -> leased -> intent -> written -> verified -> done; side exits retry, dead, drifted, cancelled. */
export type JobState =
  'queued' | 'leased' | 'intent' | 'written' | 'verified' | 'done' | 'retry' | 'dead' | 'drifted' | 'cancelled';

export interface TimelineEntry {
  at: Date;
  step: JobState;
  status: JobStatus;
  attempt: number;
  message: string;
}

export interface JobError {
  reason: string;
  message: string;
  retryable: boolean;
}

export interface Job extends Outbox {
  _id: string;
  /** Unique: the caller's request id and the target's position. Absent without a request id. */
  requestKey?: string;
  storeId: string;
  certificateId: string;
  fingerprintSha256: string;
  action: 'add' | 'remove';
  /** The entry's name; empty for kinds without aliases. */
  alias: string;
  overwrite: boolean;
  includePrivateKey: boolean;
  state: JobState;
  status: JobStatus;
  /** Rises with each lease; a worker that lost its lease matches nothing. */
  generation: number;
  attempts: number;
  /** When somebody may take it: its time, its next try, or the end of its lease. Absent when final. */
  dueAt?: Date;
  /** What the store held and will hold, recorded before the write. */
  intent?: { oldDigest: string; newDigest: string; changes: Change[] };
  changes: Change[];
  error?: JobError;
  timeline: TimelineEntry[];
  /** For callers whose fields are integers. */
  number: number;
  /** Of a removal without a certificate: only if the place holds this one. */
  thumbprint?: string;
  /** With the moment of its first run, whose clock time all runs have. */
  recurrence?: Recurrence & { anchor: Date };
  /** Present until the next job of the recurrence is there; indexed. */
  repeats?: boolean;
  previousJobId?: string;
  /** Id of the API key that asked for it. Absent in jobs from before it was kept. */
  requestedBy?: string;
  /** Id of the request that asked for it. */
  requestId?: string;
  /** Counts the job's events. */
  sequence: number;
  createdAt: Date;
  updatedAt: Date;
}

export const MAX_ATTEMPTS = 10;
export const LEASE_MS = 30_000;
export const HEARTBEAT_MS = 10_000;
const BACKOFF_MS = 1_000;
const MAX_BACKOFF_MS = 300_000;
/** What is kept of a job's timeline. */
const MAX_TIMELINE = 200;

export const FINAL: readonly JobState[] = ['done', 'dead', 'drifted', 'cancelled'];
export const isFinal = (job: Pick<Job, 'state'>): boolean => FINAL.includes(job.state);

const STATUS: Record<JobState, JobStatus> = {
  queued: 'queued',
  leased: 'running',
  intent: 'running',
  written: 'running',
  verified: 'running',
  done: 'succeeded',
  retry: 'retrying',
  dead: 'failed',
  drifted: 'drifted',
  cancelled: 'cancelled',
};

/** Errors that another attempt may not meet. The rest needs a person. */
export const isRetryable = (error: AppError): boolean =>
  ['UNAVAILABLE', 'ABORTED', 'DEADLINE_EXCEEDED', 'INTERNAL', 'CANCELLED'].includes(error.code);

/** Capped exponential back-off with full jitter below the second half: attempt 1 waits 0.5 to 1 s, attempt 9 up to 256 s. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const full = Math.min(BACKOFF_MS * 2 ** (attempt - 1), MAX_BACKOFF_MS);
  return full / 2 + (random() * full) / 2;
}

export interface Transition {
  state: JobState;
  at: Date;
  message?: string;
  set?: Partial<Job>;
  unset?: (keyof Job)[];
}

/** A step as a database update: state, timeline and, when the status changes or an attempt starts, the event. */
export function stepUpdate(job: Job, to: Transition): { update: Record<string, unknown>; next: Job } {
  const scheduled = to.state === 'queued' && to.set?.dueAt !== undefined && to.set.dueAt > to.at;
  const status = scheduled ? 'scheduled' : STATUS[to.state];
  const announce = status !== job.status || to.state === 'leased' || to.state === 'queued';
  const sequence = announce ? job.sequence + 1 : job.sequence;
  const next: Job = { ...job, ...to.set, state: to.state, status, sequence, updatedAt: to.at };
  const entry: TimelineEntry = { at: to.at, step: to.state, status, attempt: next.attempts, message: to.message ?? '' };
  const final = isFinal(next);
  const unset = Object.fromEntries(
    [...(to.unset ?? []), ...(final ? (['dueAt'] as const) : [])].map((key) => [key, 1]),
  );
  for (const key of Object.keys(unset)) delete next[key as 'dueAt'];
  const update = {
    $set: { ...to.set, state: to.state, status, sequence, updatedAt: to.at, ...(announce && { outbox: true }) },
    ...(Object.keys(unset).length > 0 && { $unset: unset }),
    $push: {
      timeline: { $each: [entry], $slice: -MAX_TIMELINE },
      ...(announce && { pendingEvents: statusEvent(next, to.at) }),
    },
  };
  for (const key of Object.keys(unset)) delete (update.$set as Record<string, unknown>)[key];
  return { update, next };
}

/** certferry.deployment.job.<status>. */
export function statusEvent(job: Job, time: Date): Event {
  const data = {
    jobId: job._id,
    storeId: job.storeId,
    certificateId: job.certificateId,
    status: job.status,
    sequence: job.sequence,
    attempt: job.attempts,
    reason: job.error?.reason ?? '',
    message: job.error?.message ?? '',
  };
  return createEvent({ type: `certferry.deployment.job.${job.status}`, subject: job._id, data, time });
}
