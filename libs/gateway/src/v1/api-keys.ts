import type { ApiKey, apiKeyOperations } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import type { ApiKey as KeptKey } from '../security/api-keys.ts';
import type { Routes } from './route.ts';

const toJson = ({ _id: id, name, scopes, createdAt, expiresAt, lastUsedAt }: KeptKey): ApiKey => ({
  id,
  name,
  scopes,
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt?.toISOString(),
  lastUsedAt: lastUsedAt?.toISOString(),
});

export const apiKeyRoutes = ({ apiKeys }: GatewayContext): Routes<typeof apiKeyOperations> => ({
  listApiKeys: { scope: 'admin', handler: async () => ({ items: (await apiKeys.list()).map(toJson) }) },
  createApiKey: {
    scope: 'admin',
    handler: async (request, reply) => {
      const { expiresAt, ...rest } = request.body;
      const { key, text } = await apiKeys.create({ ...rest, expiresAt: expiresAt ? new Date(expiresAt) : undefined });
      reply.header('cache-control', 'no-store');
      return { ...toJson(key), key: text };
    },
  },
  deleteApiKey: { scope: 'admin', handler: (request) => apiKeys.delete(request.params.id) },
});
