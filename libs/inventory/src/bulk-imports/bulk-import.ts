import { createEvent, type Event } from '@certferry/events';

export interface BulkImportFailure {
  index: number;
  /** Empty for a certificate of an XML file. */
  file: string;
  reason: string;
  message: string;
}

export type BulkImportStatus = 'pending' | 'completed' | 'failed';

/** An archive that is being taken in. */
export interface BulkImport {
  _id: string;
  number: number;
  profileId: string;
  profileName: string;
  fileName: string;
  format: 'pem' | 'xml';
  size: number;
  address: string;
  /** Id of the API key. */
  caller: string;
  /** Id of the request that asked for it. Absent in imports from before it was kept. */
  requestId?: string;
  status: BulkImportStatus;
  total: number;
  processed: number;
  failed: number;
  failures: BulkImportFailure[];
  /** Rises with each lease; a worker that lost its lease matches nothing. */
  generation: number;
  /** When somebody may take it. Absent when it has ended. */
  dueAt?: Date;
  createdAt: Date;
  completedAt?: Date;
}

/** Failures that are kept of one import; the rest is only counted. */
export const MAX_FAILURES = 1_000;

/** What becomes of an import when a batch of its archive was taken in. */
export function afterBatch(
  { processed, failed, failures }: BulkImport,
  batch: { items: number; failures: BulkImportFailure[] },
): Pick<BulkImport, 'processed' | 'failed' | 'failures'> {
  return {
    processed: processed + batch.items,
    failed: failed + batch.failures.length,
    failures: [...failures, ...batch.failures].slice(0, MAX_FAILURES),
  };
}

/** The end of an import: completed, or failed for a reason that ends it; what was not reached then counts as failed. */
export function atEnd(
  { total, processed, failed, failures }: BulkImport,
  { at, reason }: { at: Date; reason?: BulkImportFailure },
): Pick<BulkImport, 'status' | 'failed' | 'failures'> & { completedAt: Date } {
  if (!reason) return { status: 'completed', failed, failures, completedAt: at };
  return { status: 'failed', failed: total - processed + failed, failures: [...failures, reason], completedAt: at };
}

/** certferry.inventory.import.<status> */
export function importChanged({ _id, status, total, failed }: BulkImport, time: Date): Event {
  const data = { importId: _id, status, total, failed };
  return createEvent({ type: `certferry.inventory.import.${status}`, subject: _id, data, time });
}
