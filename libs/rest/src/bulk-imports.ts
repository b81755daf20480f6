import { z } from 'zod';
import { named } from './component.ts';
import type { Operations } from './operation.ts';
import { listOf, page } from './paging.ts';
import { idParams, requester, time } from './scalars.ts';

export const archiveFormat = named(
  'ArchiveFormat',
  z.enum(['pem', 'xml']).describe('What archives hold: .pem files, or one .xml file'),
);
export const bulkImportStatus = named('BulkImportStatus', z.enum(['pending', 'completed', 'failed']));

export const bulkImport = named(
  'BulkImport',
  z.object({
    id: z.string(),
    number: z.int(),
    profileId: z.string(),
    profileName: z.string(),
    fileName: z.string(),
    format: archiveFormat,
    size: z.int().describe('Bytes of the archive'),
    status: bulkImportStatus,
    total: z.int(),
    processed: z.int(),
    failed: z.int(),
    failures: z
      .array(
        named(
          'BulkImportFailure',
          z.object({ index: z.int(), file: z.string(), reason: z.string(), message: z.string() }),
        ),
      )
      .describe('The first 1,000'),
    ...requester,
    createdAt: time,
    completedAt: time.optional(),
  }),
);
export type BulkImport = z.infer<typeof bulkImport>;

const tag = 'enrollment profiles';

export const bulkImportOperations = {
  listBulkImports: {
    method: 'GET',
    path: '/v1/bulk-imports',
    tag,
    summary: 'List imports of archives, newest first',
    query: z.object({
      profileId: z.string().optional(),
      status: bulkImportStatus.optional(),
      limit: page.limit,
      offset: page.offset,
    }),
    answers: { 200: named('BulkImportList', listOf(bulkImport)) },
  },
  getBulkImport: {
    method: 'GET',
    path: '/v1/bulk-imports/{id}',
    tag,
    summary: 'How far the import of an archive is, and what failed',
    params: idParams,
    answers: { 200: bulkImport },
    errors: [404],
  },
} as const satisfies Operations;
