import { z } from 'zod';
import { archiveFormat, bulkImport } from './bulk-imports.ts';
import { named } from './component.ts';
import { NOTHING, type Operations } from './operation.ts';
import { listOf, page } from './paging.ts';
import { idParams, text, time } from './scalars.ts';

const deviceField = z.string().describe('Kept as metadata of the certificate under this name');
const SOURCES = 'subject.common_name, san.dns_name, …; of XML also an element';

export const enrollmentProfileDraft = named(
  'EnrollmentProfileDraft',
  z.strictObject({
    name: text(200),
    format: archiveFormat,
    fieldMappings: z
      .array(
        named(
          'FieldMappingDraft',
          z.strictObject({
            deviceField,
            source: z.string().default('').describe(SOURCES),
            mandatory: z.boolean().default(false),
          }),
        ),
      )
      .default([]),
    targetStoreIds: z.array(z.string()).default([]).describe('Every certificate is deployed to these stores'),
  }),
);

export const enrollmentProfile = named(
  'EnrollmentProfile',
  z.object({
    name: z.string(),
    format: archiveFormat,
    fieldMappings: z.array(
      named('FieldMapping', z.object({ deviceField, source: z.string().describe(SOURCES), mandatory: z.boolean() })),
    ),
    targetStoreIds: z.array(z.string()),
    id: z.string(),
    createdAt: time,
  }),
);
export type EnrollmentProfile = z.infer<typeof enrollmentProfile>;

const tag = 'enrollment profiles';

export const enrollmentProfileOperations = {
  createEnrollmentProfile: {
    method: 'POST',
    path: '/v1/enrollment-profiles',
    tag,
    summary: 'Make a profile for archives of certificates',
    body: enrollmentProfileDraft,
    idempotent: true,
    answers: { 201: enrollmentProfile },
    errors: [404],
  },
  listEnrollmentProfiles: {
    method: 'GET',
    path: '/v1/enrollment-profiles',
    tag,
    summary: 'List profiles by name',
    query: z.object({ limit: page.limit, cursor: page.cursor }),
    answers: { 200: named('EnrollmentProfileList', listOf(enrollmentProfile)) },
  },
  getEnrollmentProfile: {
    method: 'GET',
    path: '/v1/enrollment-profiles/{id}',
    tag,
    summary: 'Get a profile',
    params: idParams,
    answers: { 200: enrollmentProfile },
    errors: [404],
  },
  deleteEnrollmentProfile: {
    method: 'DELETE',
    path: '/v1/enrollment-profiles/{id}',
    tag,
    summary: 'Forget a profile; what came in by it stays',
    params: idParams,
    answers: { 204: NOTHING },
    errors: [404, 409],
  },
  startBulkImport: {
    method: 'POST',
    path: '/v1/enrollment-profiles/{id}/imports',
    tag,
    summary: 'Import an archive (ZIP): multipart/form-data with the part "file", at most 200 MiB',
    description: 'Answers when the archive is kept and counted; GET /v1/bulk-imports/{id} says how far it is.',
    params: idParams,
    upload: { file: 'The ZIP archive; at most 200 MiB' },
    answers: { 202: bulkImport },
    errors: [404, 409],
  },
} as const satisfies Operations;
