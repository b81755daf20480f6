import { z } from 'zod';
import { named } from './component.ts';
import type { Operations } from './operation.ts';
import { listOf } from './paging.ts';
import { time } from './scalars.ts';

export const auditRecord = named(
  'AuditRecord',
  z.object({
    seq: z.int(),
    at: time,
    caller: z.string(),
    action: z.string(),
    target: z.string(),
    requestId: z.string(),
    address: z.string(),
    user: z.string().optional().describe('User name that came with the key'),
    reason: z.string().optional().describe('What the caller said that the change is for'),
    outcome: z
      .object({ status: z.int().describe('HTTP'), reason: z.string().describe('UPPER_SNAKE; empty for success') })
      .optional()
      .describe('How the call ended; absent while it runs, and when the process ended before it did'),
  }),
);
export type AuditRecord = z.infer<typeof auditRecord>;

const tag = 'administration';

export const auditOperations = {
  listAuditRecords: {
    method: 'GET',
    path: '/v1/audit',
    tag,
    summary: 'The audit log, newest first',
    query: z.object({
      limit: z.coerce.number().int().min(1).max(500).default(50),
      before: z.coerce.number().int().optional().describe('seq of the last record of the page before'),
    }),
    answers: { 200: named('AuditRecordList', listOf(auditRecord)) },
  },
  verifyAuditLog: {
    method: 'POST',
    path: '/v1/audit/verify',
    tag,
    summary: 'Check the audit log’s chain from its start',
    answers: {
      200: named(
        'AuditVerification',
        z.object({
          ok: z.boolean(),
          records: z.int(),
          broken: z.int().optional().describe('seq of the first record that is not as it was written'),
        }),
      ),
    },
  },
} as const satisfies Operations;
