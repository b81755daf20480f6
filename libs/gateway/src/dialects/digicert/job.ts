import { createHash } from 'node:crypto';
import type { inventoryV1 } from '@certferry/contracts';

/** What upstream gives every answer and means nothing here; the same in every installation. */
const ACCOUNT_ID = '00000000-0000-4000-8000-000000000001';
const DIVISION = { id: '00000000-0000-4000-8000-000000000002', name: 'Default' };

/** `result` of a job that has ended. Only SUCCESS is published; the others are our choice. */
const RESULTS = { success: 'SUCCESS', partial: 'PARTIAL_SUCCESS', failure: 'FAILURE' } as const;

/** Twelve digits that belong to the id. */
function randomId(id: string): string {
  const digits = createHash('sha256').update(id).digest().readBigUInt64BE() % 1_000_000_000_000n;
  return digits.toString().padStart(12, '0');
}

const microseconds = (at: Date): string => at.toISOString().replace('Z', '000Z');
const wholeSeconds = (at: Date): string => at.toISOString().replace(/\.\d+Z$/, 'Z');

/** A bulk import as the POST answers it. */
export function toJob(one: inventoryV1.BulkImport): object {
  const { id, profileId, profileName, fileName, format, size, address, createdAt, completedAt } = one;
  return {
    id,
    random_id: randomId(id),
    enrollment_profile: { id: profileId, name: profileName },
    original_file_name: fileName,
    format: format.toUpperCase(),
    original_size: size,
    stored_file_name: `certificate-import-${randomId(id)}.zip`,
    created_at: microseconds(createdAt!),
    status: one.status === 'pending' ? 'PENDING' : 'COMPLETED',
    enrollment_context: {
      enrollment_method: 'CERTIFICATE_IMPORT',
      ip_address: address,
      authorization: '',
      auth_type: 'BASIC',
    },
    total_certificates: one.total,
    failed_certificates: one.failed,
    processing_time: completedAt ? completedAt.getTime() - createdAt!.getTime() : 0,
  };
}

/** The same as the GET answers it: with what failed, as a text that holds a JSON array. */
export function toJobDetails(one: inventoryV1.BulkImport): object {
  const { status, failed, total, failures } = one;
  const result = failed === 0 ? RESULTS.success : failed < total ? RESULTS.partial : RESULTS.failure;
  const messages = failures.map(({ file, index, reason, message }) => ({
    ...(file ? { file } : { index }),
    code: reason.toLowerCase(),
    message,
  }));
  return {
    ...toJob(one),
    created_at: wholeSeconds(one.createdAt!),
    account_id: ACCOUNT_ID,
    division: DIVISION,
    ...(status !== 'pending' && { result: status === 'failed' ? RESULTS.failure : result }),
    status_message: JSON.stringify(messages),
  };
}
