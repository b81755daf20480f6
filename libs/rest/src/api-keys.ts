import { z } from 'zod';
import { named } from './component.ts';
import { NOTHING, type Operations } from './operation.ts';
import { listOf } from './paging.ts';
import { idParams, time, timeInput } from './scalars.ts';

export const scope = named(
  'Scope',
  z
    .enum(['read', 'write', 'keys', 'admin'])
    .describe('Read, change, take private keys out, manage API keys and read the audit log'),
);
export type Scope = z.infer<typeof scope>;

export const apiKey = named(
  'ApiKey',
  z.object({
    id: z.string(),
    name: z.string(),
    scopes: z.array(scope),
    createdAt: time,
    expiresAt: time.optional(),
    lastUsedAt: time.optional(),
  }),
);
export type ApiKey = z.infer<typeof apiKey>;

const tag = 'administration';

export const apiKeyOperations = {
  listApiKeys: {
    method: 'GET',
    path: '/v1/api-keys',
    tag,
    summary: 'List API keys',
    answers: { 200: named('ApiKeyList', listOf(apiKey)) },
  },
  createApiKey: {
    method: 'POST',
    path: '/v1/api-keys',
    tag,
    summary: 'Make an API key; the key is only in this answer',
    body: named(
      'ApiKeyDraft',
      z.strictObject({
        name: z.string().min(1).max(200),
        scopes: z.array(scope).min(1),
        expiresAt: timeInput.optional(),
      }),
    ),
    answers: { 201: named('NewApiKey', apiKey.extend({ key: z.string() })) },
  },
  deleteApiKey: {
    method: 'DELETE',
    path: '/v1/api-keys/{id}',
    tag,
    summary: 'Revoke an API key',
    params: idParams,
    answers: { 204: NOTHING },
    errors: [404],
  },
} as const satisfies Operations;
