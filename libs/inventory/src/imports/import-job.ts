import { createEvent, type Event } from '@certferry/events';
import type { Description } from '../certificates/certificate.ts';
import type { Import, ImportResult, ImportStatus } from './import.ts';

/** How the content of a job is read: file by file, block by block, or as a whole. */
export type ContentKind = 'archive' | 'pem' | 'container';

/** What was asked of a job, besides its content and passwords. */
export interface JobRequest extends Description {
  firstOfPem: boolean;
  createOnly: boolean;
  formats: string[];
  filePath: string;
}

/** Never stored but sealed. */
export interface JobPasswords {
  password?: string;
  keyPassword?: string;
  passwords?: string[];
}

export interface Problem {
  reason: string;
  message: string;
}

/** An import whose content was kept first and is taken in afterwards. Its items are in their own collection. */
export interface ImportJob extends Import, ImportCounts {
  kind: ContentKind;
  bytesDone: number;
  fileName: string;
  /** Of the caller. */
  address: string;
  /** A JobRequest as JSON: keys of metadata may be what no database takes as a name. */
  request: string;
  /** JobPasswords as JSON. Absent without a password, and when the job has ended. */
  sealedPasswords?: Buffer;
  profileId?: string;
  profileName?: string;
  /** What archives of the profile hold. */
  archiveFormat?: 'pem' | 'xml';
  /** Of an archive by a profile: small and never used twice. */
  number?: number;
  itemsPerSecond?: number;
  /** Rises with each lease; a worker that lost its lease matches nothing. */
  generation: number;
  /** When somebody may take it. Absent when it has ended. */
  dueAt?: Date;
  completedAt?: Date;
  /** Why it ended before its end. */
  problem?: Problem;
}

export interface ImportCounts extends Record<ImportResult, number> {
  total: number;
  done: number;
}

export const NOTHING_DONE: ImportCounts = {
  total: 0,
  done: 0,
  created: 0,
  updated: 0,
  unchanged: 0,
  failed: 0,
  passedOver: 0,
};

/** What is left to do of, or may be. */
export const ACTIVE = ['queued', 'running', 'paused'] as const satisfies ImportStatus[];
const isActive = (status: ImportStatus): boolean => (ACTIVE as readonly ImportStatus[]).includes(status);

/** What becomes of a job when some of its items were taken in; `total` when more is known of it. */
export function afterItems(
  job: ImportJob,
  results: ImportResult[],
  total = job.total,
): ImportCounts & { bytesDone: number } {
  const { created, updated, unchanged, failed, passedOver = 0 } = job;
  const counts = { created, updated, unchanged, failed, passedOver };
  for (const result of results) counts[result]++;
  const done = job.done + results.length;
  const known = Math.max(total, done);
  return { ...counts, done, total: known, bytesDone: Math.floor((job.bytes ?? 0) * (known > 0 ? done / known : 0)) };
}

/** The end of a job: what its items say, or failed for a problem that ends it. */
export function atEnd(
  { total, done, failed, passedOver = 0, bytes = 0, bytesDone }: ImportJob,
  { at, problem }: { at: Date; problem?: Problem },
): Pick<ImportJob, 'status' | 'total' | 'bytesDone' | 'problem'> & { completedAt: Date } {
  if (problem) return { status: 'failed', total, bytesDone, completedAt: at, problem };
  const status = failed === 0 ? 'completed' : failed === done - passedOver ? 'failed' : 'partial';
  return { status, total: done, bytesDone: bytes, completedAt: at };
}

/** As callers of bulk imports know it: an archive that was read to its end is completed whatever was in it. */
export function bulkStatus({ status, problem }: ImportJob): 'pending' | 'completed' | 'failed' {
  if (isActive(status)) return 'pending';
  return problem || status === 'cancelled' ? 'failed' : 'completed';
}

/** What was not reached counts as failed. */
export const bulkFailed = (job: ImportJob): number =>
  bulkStatus(job) === 'failed' ? job.total - job.done + job.failed : job.failed;

/** certferry.inventory.import.<pending, completed, failed or cancelled> */
export function importChanged(job: ImportJob, time: Date): Event {
  const { _id, total, profileId } = job;
  const ended = job.status === 'failed' && !profileId ? 'failed' : bulkStatus(job);
  const status = job.status === 'cancelled' ? 'cancelled' : ended;
  const data = { importId: _id, status, total, failed: bulkFailed(job) };
  return createEvent({ type: `certferry.inventory.import.${status}`, subject: _id, data, time });
}
