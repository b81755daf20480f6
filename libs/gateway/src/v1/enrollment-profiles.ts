import type { inventoryV1 } from '@certferry/contracts';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { callOptions } from '../guards.ts';
import { keepFormsUnread, uploadArchive } from '../upload-archive.ts';
import { pageToJson } from './json.ts';
import { idParams, listOf, page } from './schemas.ts';

const draft = z.strictObject({
  name: z.string().max(200),
  format: z.enum(['pem', 'xml']).describe('What its archives hold: .pem files, or one .xml file'),
  fieldMappings: z
    .array(
      z.strictObject({
        deviceField: z.string().describe('Kept as metadata of the certificate under this name'),
        source: z.string().default('').describe('subject.common_name, san.dns_name, …; of XML also an element'),
        mandatory: z.boolean().default(false),
      }),
    )
    .default([]),
  targetStoreIds: z.array(z.string()).default([]).describe('Every certificate is deployed to these stores'),
});
const profile = draft.extend({ id: z.string(), createdAt: z.string() });
const bulkImport = z.object({
  id: z.string(),
  number: z.number(),
  profileId: z.string(),
  profileName: z.string(),
  fileName: z.string(),
  format: z.string(),
  size: z.number().describe('Bytes of the archive'),
  status: z.enum(['pending', 'completed', 'failed']),
  total: z.number(),
  processed: z.number(),
  failed: z.number(),
  failures: z
    .array(z.object({ index: z.number(), file: z.string(), reason: z.string(), message: z.string() }))
    .describe('The first 1,000'),
  createdAt: z.string(),
  completedAt: z.string().optional(),
});

const profileToJson = (from: inventoryV1.EnrollmentProfile): z.infer<typeof profile> => ({
  ...from,
  format: from.format as 'pem' | 'xml',
  createdAt: from.createdAt!.toISOString(),
});
const bulkImportToJson = ({ address: _, ...from }: inventoryV1.BulkImport): z.infer<typeof bulkImport> => ({
  ...from,
  status: from.status as 'pending' | 'completed' | 'failed',
  createdAt: from.createdAt!.toISOString(),
  completedAt: from.completedAt?.toISOString(),
});

/** How archives of certificates are taken in, and what became of those that were. */
export function enrollmentProfileRoutes(base: FastifyInstance, context: GatewayContext): void {
  const { services } = context;
  const app = base.withTypeProvider<ZodTypeProvider>();
  const tags = ['enrollment profiles'];
  app.post(
    '/enrollment-profiles',
    {
      config: { scope: 'write', idempotent: true },
      schema: { tags, summary: 'Make a profile for archives of certificates', body: draft, response: { 201: profile } },
    },
    async (request, reply) => {
      const created = await services.enrollmentProfiles.createEnrollmentProfile(
        { profile: request.body },
        callOptions(request),
      );
      return await reply.code(201).send(profileToJson(created.profile!));
    },
  );
  app.get(
    '/enrollment-profiles',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'List profiles by name',
        querystring: z.object({ limit: page.limit, cursor: page.cursor }),
        response: { 200: listOf(profile) },
      },
    },
    async (request) =>
      pageToJson(
        await services.enrollmentProfiles.listEnrollmentProfiles(request.query, callOptions(request)),
        profileToJson,
      ),
  );
  app.get(
    '/enrollment-profiles/:id',
    {
      config: { scope: 'read' },
      schema: { tags, summary: 'Get a profile', params: idParams, response: { 200: profile } },
    },
    async (request) =>
      profileToJson(
        (await services.enrollmentProfiles.getEnrollmentProfile(request.params, callOptions(request))).profile!,
      ),
  );
  app.delete(
    '/enrollment-profiles/:id',
    {
      config: { scope: 'write' },
      schema: {
        tags,
        summary: 'Forget a profile; what came in by it stays',
        params: idParams,
        response: { 204: z.null() },
      },
    },
    async (request, reply) => {
      await services.enrollmentProfiles.deleteEnrollmentProfile(request.params, callOptions(request));
      return await reply.code(204).send(null);
    },
  );
  void app.register((uploads, _, done) => {
    keepFormsUnread(uploads);
    uploads.withTypeProvider<ZodTypeProvider>().post(
      '/enrollment-profiles/:id/imports',
      {
        config: { scope: 'write' },
        schema: {
          tags,
          summary: 'Import an archive (ZIP): multipart/form-data with the part "file", at most 200 MiB',
          description: 'Answers when the archive is kept and counted; GET /v1/bulk-imports/{id} says how far it is.',
          params: idParams,
          response: { 202: bulkImport },
        },
      },
      async (request, reply) =>
        await reply.code(202).send(bulkImportToJson(await uploadArchive(context, request, request.params.id))),
    );
    done();
  });
  app.get(
    '/bulk-imports',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'List imports of archives, newest first',
        querystring: z.object({
          profileId: z.string().optional(),
          status: z.enum(['pending', 'completed', 'failed']).optional(),
          limit: page.limit,
          offset: page.offset,
        }),
        response: { 200: listOf(bulkImport) },
      },
    },
    async (request) => {
      const { items, total } = await services.bulkImports.listBulkImports(request.query, callOptions(request));
      return { items: items.map(bulkImportToJson), total };
    },
  );
  app.get(
    '/bulk-imports/:id',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'How far the import of an archive is, and what failed',
        params: idParams,
        response: { 200: bulkImport },
      },
    },
    async (request) =>
      bulkImportToJson((await services.bulkImports.getBulkImport(request.params, callOptions(request))).bulkImport!),
  );
}
