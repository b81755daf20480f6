import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { SCOPES, type ApiKey } from '../security/api-keys.ts';
import { idParams, listOf } from './schemas.ts';

const apiKey = z.object({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  createdAt: z.string(),
  expiresAt: z.string().optional(),
  lastUsedAt: z.string().optional(),
});
const draft = z.strictObject({
  name: z.string().min(1).max(200),
  scopes: z.array(z.enum(SCOPES)).min(1),
  expiresAt: z.iso.datetime({ offset: true }).optional(),
});
const auditRecord = z.object({
  seq: z.number(),
  at: z.string(),
  caller: z.string(),
  action: z.string(),
  target: z.string(),
  requestId: z.string(),
  address: z.string(),
  user: z.string().optional().describe('User name that came with the key'),
  reason: z.string().optional(),
});

function toJson({ _id: id, name, scopes, createdAt, expiresAt, lastUsedAt }: ApiKey): z.infer<typeof apiKey> {
  return {
    id,
    name,
    scopes,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString(),
    lastUsedAt: lastUsedAt?.toISOString(),
  };
}

/** API keys and the audit log. */
export function administrationRoutes(base: FastifyInstance, { apiKeys, audit }: GatewayContext): void {
  const app = base.withTypeProvider<ZodTypeProvider>();
  const tags = ['administration'];

  app.get(
    '/api-keys',
    { config: { scope: 'admin' }, schema: { tags, summary: 'List API keys', response: { 200: listOf(apiKey) } } },
    async () => ({ items: (await apiKeys.list()).map(toJson) }),
  );
  app.post(
    '/api-keys',
    {
      config: { scope: 'admin' },
      schema: {
        tags,
        summary: 'Make an API key; the key is only in this answer',
        body: draft,
        response: { 201: apiKey.extend({ key: z.string() }) },
      },
    },
    async (request, reply) => {
      const { expiresAt, ...rest } = request.body;
      const { key, text } = await apiKeys.create({ ...rest, expiresAt: expiresAt ? new Date(expiresAt) : undefined });
      return await reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ ...toJson(key), key: text });
    },
  );
  app.delete(
    '/api-keys/:id',
    {
      config: { scope: 'admin' },
      schema: { tags, summary: 'Revoke an API key', params: idParams, response: { 204: z.null() } },
    },
    async (request, reply) => {
      await apiKeys.delete(request.params.id);
      return await reply.code(204).send(null);
    },
  );
  app.get(
    '/audit',
    {
      config: { scope: 'admin' },
      schema: {
        tags,
        summary: 'The audit log, newest first',
        querystring: z.object({
          limit: z.coerce.number().int().min(1).max(500).default(50),
          before: z.coerce.number().int().optional(),
        }),
        response: { 200: listOf(auditRecord) },
      },
    },
    async (request) => {
      const { limit, before } = request.query;
      const items = (await audit.list(limit, before)).map(({ at, ...record }) => ({ ...record, at: at.toISOString() }));
      return { items };
    },
  );
  app.post(
    '/audit/verify',
    {
      config: { scope: 'admin', readOnly: true },
      schema: {
        tags,
        summary: 'Check the audit log’s chain from its start',
        response: { 200: z.object({ ok: z.boolean(), records: z.number(), broken: z.number().optional() }) },
      },
    },
    async () => {
      const { records, broken } = await audit.verify();
      return { ok: broken === undefined, records, broken };
    },
  );
}
