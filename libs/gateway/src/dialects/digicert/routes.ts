import { AppError, invalid } from '@certferry/core';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { GatewayContext } from '../../gateway-context.ts';
import { checkInput } from '../../problem.ts';
import { keepFormsUnread, uploadArchive } from '../../upload-archive.ts';
import { toJob, toJobDetails } from './job.ts';

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(20),
  offset: z.coerce.number().int().min(0).default(0),
  enrollment_profile_id: z.string().default(''),
  status: z.enum(['PENDING', 'COMPLETED']).optional(),
});

export function addDigicertRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { services } = context;
  keepFormsUnread(app);
  const read = { config: { scope: 'read' } } as const;

  app.post('/certificate-import/:profile', { config: { scope: 'write' } }, async (request) => {
    const { profile } = request.params as { profile: string };
    try {
      return toJob(await uploadArchive(context, request, { profileId: profile, namedByFormat: true }));
    } catch (error) {
      if (!(error instanceof AppError) || error.reason !== 'ENROLLMENT_PROFILE_NOT_FOUND') throw error;
      throw invalid('INVALID_FIELD', `Enrollment profile with id ${profile} does not exist`);
    }
  });
  for (const path of ['/certificate-import/job/:id', '/certificate-import/:id']) {
    app.get(path, read, async (request) => {
      const { id } = request.params as { id: string };
      return toJobDetails((await services.bulkImports.getBulkImport({ id: id.toLowerCase() })).bulkImport!);
    });
  }
  for (const path of ['/certificate-import', '/certificate-import/job']) {
    app.get(path, read, async (request) => {
      const query = checkInput(listQuery, request.query, 'query');
      const { limit, offset, enrollment_profile_id: profileId, status } = query;
      const asked = { limit, offset, profileId, status: status?.toLowerCase() ?? '' };
      const { items, total } = await services.bulkImports.listBulkImports(asked);
      return { limit, offset, total, records: items.map(toJobDetails) };
    });
  }
}
