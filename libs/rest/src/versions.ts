import { z } from 'zod';
import { named } from './component.ts';
import { job } from './jobs.ts';
import type { Operations } from './operation.ts';
import { idParams, text, time } from './scalars.ts';

export const storeVersion = named(
  'StoreVersion',
  z.object({
    number: z.int().describe('Rises within a store'),
    alias: z.string(),
    fingerprintSha256: z.string().optional().describe('Absent: the place held nothing, or nothing that can be read'),
    subject: z.string().optional(),
    notAfter: time.optional(),
    hasPrivateKey: z.boolean(),
    jobId: z.string().describe('The job that wrote over it last'),
    keptAt: time,
  }),
);
export type StoreVersion = z.infer<typeof storeVersion>;

const rollbackBody = named(
  'RollbackRequest',
  z.strictObject({
    alias: text(200).optional().describe('Default: the only entry of which versions are kept'),
    version: z.int().min(1).optional().describe('Default: the newest'),
  }),
);

const tag = 'stores';

export const versionOperations = {
  listStoreVersions: {
    method: 'GET',
    path: '/v1/stores/{id}/versions',
    tag,
    summary: 'What a store held before it was written over, newest first, without the contents',
    params: idParams,
    answers: { 200: named('StoreVersionList', z.object({ items: z.array(storeVersion) })) },
    errors: [404],
  },
  rollBackStore: {
    method: 'POST',
    path: '/v1/stores/{id}/rollback',
    tag,
    summary: 'Put back what a store held before; answers the job that does it',
    params: idParams,
    body: rollbackBody,
    idempotent: true,
    answers: { 202: job },
    errors: [404],
  },
} as const satisfies Operations;
