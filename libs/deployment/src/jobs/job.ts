import type { AppError } from '@certferry/core';
import { createEvent, type Event, type Outbox } from '@certferry/events';
import type { Change, HookRun } from '@certferry/store-drivers';
import type { Failure } from '../hooks/run-store-hooks.ts';
import type { Look } from '../looks/look.ts';
import type { Finding } from '../policies/finding.ts';
import type { Recurrence } from '../schedules/recurrence.ts';
import type { RolledBack } from '../versions/roll-back.ts';

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

/** What the store held and will hold, recorded before the write. */
export interface Intent {
  oldDigest: string;
  newDigest: string;
  changes: Change[];
  /** Id of the version that keeps what it held; absent: nothing does. */
  version?: string;
  /** Hooks that have succeeded for this write: they do not run again after an interruption. */
  hooksDone?: string[];
  /** Why it is being rolled back. */
  failure?: Failure;
}

/** A run of a hook; again: after a rollback. */
export type JobHookRun = HookRun & { again: boolean };

export interface Job extends Outbox {
  _id: string;
  /** Unique: the caller's request id and the target's position. Absent without a request id. */
  requestKey?: string;
  storeId: string;
  /** Absent in jobs from before it was kept. */
  storeKind?: string;
  certificateId: string;
  fingerprintSha256: string;
  action: 'add' | 'remove' | 'rollback';
  /** The entry's name; empty for kinds without aliases. */
  alias: string;
  /** Nobody said the alias: a keystore takes the entry of the predecessor instead, and the job's alias becomes that. */
  aliasIsDefault?: boolean;
  overwrite: boolean;
  includePrivateKey: boolean;
  state: JobState;
  status: JobStatus;
  /** Rises with each lease; a worker that lost its lease matches nothing. */
  generation: number;
  attempts: number;
  /**
   * The moment that it stands for against others of its place: when it is to run, of a repetition its first run. Absent in
   * jobs from before it was kept.
   */
  decidesAt?: Date;
  /** When somebody may take it: its time, its next try, or the end of its lease. Absent when final. */
  dueAt?: Date;
  intent?: Intent;
  changes: Change[];
  /** Of a rollback by hand: the version to put back. */
  restores?: { id: string; number: number };
  /** The last 50. */
  hookRuns?: JobHookRun[];
  /** Written, but the hooks have not all succeeded since: they run even where nothing is left to write. */
  hooksDue?: boolean;
  /** What was put back, or why not, after a failed hook or look. */
  rolledBack?: RolledBack;
  error?: JobError;
  timeline: TimelineEntry[];
  /** For callers whose fields are integers. */
  number: number;
  /** Of a removal without a certificate: only if the place holds this one. */
  thumbprint?: string;
  /** Whether a key in the store may give way to a certificate without one. */
  allowKeyRemoval?: boolean;
  /** Whether it was asked for against the store's policy. */
  forced?: boolean;
  /** Of the last attempt that looked. */
  findings?: Finding[];
  /** With the moment of its first run, whose clock time all runs have. */
  recurrence?: Recurrence & { anchor: Date };
  /** Present until the next job of the recurrence is there; indexed. */
  repeats?: boolean;
  previousJobId?: string;
  /** Id of the API key that asked for it. Absent in jobs from before it was kept. */
  requestedBy?: string;
  /** Id of the request that asked for it. */
  requestId?: string;
  /** What the store's endpoints showed at the end of the last attempt that looked. */
  look?: Look[];
  /** Of a renewal: what alone it may replace. */
  replaces?: { certificateId: string; fingerprintSha256: string };
  /** Counts the job's events. */
  sequence: number;
  createdAt: Date;
  updatedAt: Date;
}

export const MAX_ATTEMPTS = 10;
/** What is kept of a job's timeline. */
export const MAX_TIMELINE = 200;

/** Where nobody works at a job any more, for good. */
export const FINAL: readonly JobState[] = ['done', 'dead', 'drifted', 'cancelled'];
/** Where a worker has a job. */
export const LEASED: readonly JobState[] = ['leased', 'intent', 'written', 'verified'];

export const isFinal = ({ state }: Pick<Job, 'state'>): boolean => FINAL.includes(state);

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

/** A step to make: the state it ends in, and what else changes. */
export interface Transition {
  state: JobState;
  at: Date;
  message?: string;
  set?: Partial<Job>;
  unset?: (keyof Job)[];
}

/** A step that was worked out. */
export interface Step {
  next: Job;
  /** Members that `next` has no more. */
  unset: (keyof Job)[];
  entry: TimelineEntry;
  /** Where the status changes, an attempt starts, or somebody queued it. */
  event?: Event;
}

/** What a job is after a step, with its entry in the timeline and its event. A final job is not due any more. */
export function makeStep(job: Job, { state, at, message = '', set, unset = [] }: Transition): Step {
  const scheduled = state === 'queued' && set?.dueAt !== undefined && set.dueAt > at;
  const status = scheduled ? 'scheduled' : STATUS[state];
  const announce = status !== job.status || state === 'leased' || state === 'queued';
  const sequence = announce ? job.sequence + 1 : job.sequence;
  const attempt = set?.attempts ?? job.attempts;
  const entry: TimelineEntry = { at, step: state, status, attempt, message };
  const timeline = [...job.timeline, entry].slice(-MAX_TIMELINE);
  const next: Job = { ...job, ...set, state, status, sequence, timeline, updatedAt: at };
  const gone: (keyof Job)[] = isFinal(next) ? [...unset, 'dueAt'] : unset;
  for (const member of gone) delete next[member];
  return { next, unset: gone, entry, ...(announce && { event: statusEvent(next, at) }) };
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
