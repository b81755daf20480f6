import type { inventoryV1 } from '@certferry/contracts';
import type { ImportItem } from '../imports/import.ts';
import { bulkFailed, bulkStatus, type ImportJob } from '../imports/import-job.ts';

/** A job that came in by a profile, with those of its items that failed; why it ended, if it did, is the last of them. */
export function toBulkImport(job: ImportJob, failed: ImportItem[]): inventoryV1.BulkImport {
  const { _id: id, profileId = '', profileName = '', archiveFormat = 'pem', number = 0, bytes = 0, problem } = job;
  const { fileName, address, total, done, createdAt, completedAt, requestedBy = '', requestId = '' } = job;
  const failures = failed.map(({ index, file = '', reason, message }) => ({ index, file, reason, message }));
  if (problem) failures.push({ index: done, file: '', ...problem });
  return {
    ...{ id, profileId, profileName, fileName, address, total, number, requestedBy, requestId, createdAt, completedAt },
    format: archiveFormat,
    size: bytes,
    status: bulkStatus(job),
    processed: done,
    failed: bulkFailed(job),
    failures,
  };
}
