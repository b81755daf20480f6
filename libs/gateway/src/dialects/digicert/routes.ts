import { AppError, invalid } from '@certferry/core';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { GatewayContext } from '../../gateway-context.ts';
import { apiKeyHeader, authorize, callOptions, recordAudit } from '../../guards.ts';
import { checkInput, noSuchRoute, toProblem } from '../../problem.ts';
import { keepFormsUnread, uploadArchive } from '../../upload-archive.ts';
import { toJob, toJobDetails } from './job.ts';

/** Codes by status; what is wrong with an import itself is `invalid_input`. */
const CODES: Record<number, string> = {
  400: 'invalid_input',
  401: 'invalid_api_key',
  403: 'access_denied',
  404: 'resource_not_found',
  409: 'duplicate_error',
  413: 'invalid_input',
  415: 'invalid_input',
  429: 'too_many_requests',
  503: 'service_unavailable',
};

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(500).default(20),
  offset: z.coerce.number().int().min(0).default(0),
  enrollment_profile_id: z.string().default(''),
  status: z.enum(['PENDING', 'COMPLETED']).optional(),
});

export function addDigicertRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { services } = context;
  keepFormsUnread(app);
  addConventions(app, context);
  const read = { config: { scope: 'read' } } as const;

  app.post('/certificate-import/:profile', { config: { scope: 'write' } }, async (request) => {
    const { profile } = request.params as { profile: string };
    try {
      return toJob(await uploadArchive(context, request, profile));
    } catch (error) {
      if (!(error instanceof AppError) || error.reason !== 'ENROLLMENT_PROFILE_NOT_FOUND') throw error;
      throw invalid('INVALID_FIELD', `Enrollment profile with id ${profile} does not exist`);
    }
  });
  for (const path of ['/certificate-import/job/:id', '/certificate-import/:id']) {
    app.get(path, read, async (request) => {
      const { id } = request.params as { id: string };
      return toJobDetails(
        (await services.bulkImports.getBulkImport({ id: id.toLowerCase() }, callOptions(request))).bulkImport!,
      );
    });
  }
  for (const path of ['/certificate-import', '/certificate-import/job']) {
    app.get(path, read, async (request) => {
      const query = checkInput(listQuery, request.query, 'query');
      const { limit, offset, enrollment_profile_id: profileId, status } = query;
      const { items, total } = await services.bulkImports.listBulkImports(
        { limit, offset, profileId, status: status?.toLowerCase() ?? '' },
        callOptions(request),
      );
      return { limit, offset, total, records: items.map(toJobDetails) };
    });
  }
}

function addConventions(app: FastifyInstance, context: GatewayContext): void {
  app.addHook('onRequest', async (request) => {
    if (!request.is404) await authorize(context, request, { key: apiKeyHeader(request) });
  });
  app.addHook('preHandler', async (request) => await recordAudit(context, request));
  app.setErrorHandler(async (error, request, reply) => {
    const { status: known, detail } = toProblem(error, request.id);
    const status = known === 413 || known === 415 ? 400 : known;
    if (status >= 500) context.platform.logger.error({ err: error, requestId: request.id }, 'request failed');
    if (status === 429 || status === 503) reply.header('retry-after', '60');
    const body = { errors: [{ code: CODES[status] ?? 'internal_error', message: detail }] };
    return await reply.code(status).type('application/json; charset=utf-8').send(body);
  });
  app.setNotFoundHandler((request) => {
    throw noSuchRoute(request);
  });
}
