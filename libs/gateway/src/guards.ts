import { AppError } from '@certferry/core';
import { backgroundContext, toMetadata, type Metadata } from '@certferry/rpc';
import type { Scope } from '@certferry/rest';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from './gateway-context.ts';
import { HttpError } from './problem.ts';
import type { ApiKey } from './security/api-keys.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the caller's key must allow. */
    scope?: Scope;
    /** A POST that changes nothing: no audit record. */
    readOnly?: boolean;
    /** Needs no key. */
    anonymous?: boolean;
    /** Takes an Idempotency-Key. */
    idempotent?: boolean;
  }
  interface FastifyRequest {
    apiKey?: ApiKey;
    /** The user name that came with the key; only recorded. */
    callerName?: string;
    idempotencyId?: string;
    /** What the body was, for the idempotency fingerprint; never logged. */
    bodyParts?: (string | Uint8Array)[];
  }
}

/** Authentication, permission, idempotency and audit, in this order, for every route below. */
export function addGuards(app: FastifyInstance, context: GatewayContext): void {
  app.addHook('onRequest', async (request) => {
    if (request.is404) return;
    await authorize(context, request, { key: apiKeyHeader(request) });
  });
  app.addHook('preHandler', async (request, reply) => {
    if (await replay(context, request, reply)) return reply;
    await recordAudit(context, request);
    return undefined;
  });
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.idempotencyId && typeof payload === 'string') {
      await context.idempotency.end(request.idempotencyId, { status: reply.statusCode, body: payload });
    }
    return payload;
  });
}

/** The API key of X-Api-Key, else of Authorization: Bearer. */
export function apiKeyHeader(request: FastifyRequest): string | undefined {
  const header = request.headers['x-api-key'];
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  return typeof header === 'string' ? header : bearer;
}

/**
 * Ties the request to the API key that it brought (a text, or a record that a token stands for) and checks the route's
 * scope. UNAUTHENTICATED, HttpError 429 after too many wrong keys, PERMISSION_DENIED.
 */
export async function authorize(
  { apiKeys, failures }: GatewayContext,
  request: FastifyRequest,
  caller: { key: string | ApiKey | undefined; user?: string },
): Promise<void> {
  const key = typeof caller.key === 'string' ? await apiKeys.authenticate(caller.key) : caller.key;
  if (!key) {
    failures.count(request.ip);
    throw unauthenticated();
  }
  request.apiKey = key;
  request.callerName = caller.user;
  const { scope } = request.routeOptions.config;
  if (!scope || !key.scopes.includes(scope)) {
    throw new AppError({
      code: 'PERMISSION_DENIED',
      reason: 'SCOPE_REQUIRED',
      message: `This API key does not have the scope "${scope ?? 'none'}".`,
      details: { scope: scope ?? '' },
    });
  }
}

function unauthenticated(): AppError {
  const message =
    'Send an API key in X-Api-Key or as Authorization: Bearer. At the first start one is kept in <data folder>/admin-api-key.';
  return new AppError({ code: 'UNAUTHENTICATED', reason: 'API_KEY_REQUIRED', message });
}

const isMutating = (request: FastifyRequest): boolean =>
  request.method !== 'GET' && request.method !== 'HEAD' && !request.routeOptions.config.readOnly;

/** One record of a mutating call, before it is made; `reason` is what the caller says it is for. */
export async function recordAudit(
  { audit, platform }: GatewayContext,
  request: FastifyRequest,
  reason?: string,
): Promise<void> {
  if (!request.apiKey || !isMutating(request)) return;
  await audit.record({
    at: platform.clock.now(),
    caller: request.apiKey._id,
    action: `${request.method} ${request.routeOptions.url ?? ''}`,
    target: Object.values((request.params ?? {}) as Record<string, string>).join(' '),
    requestId: request.id,
    address: request.ip,
    ...(request.callerName && { user: request.callerName }),
    ...(reason && { reason }),
  });
}

const KEY_FORMAT = /^[\x21-\x7e]{1,200}$/;

/** Answers a call whose Idempotency-Key was used before. */
async function replay({ idempotency }: GatewayContext, request: FastifyRequest, reply: FastifyReply): Promise<boolean> {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string' || !request.routeOptions.config.idempotent || !request.apiKey) return false;
  if (!KEY_FORMAT.test(key))
    throw new HttpError(400, 'INVALID_IDEMPOTENCY_KEY', 'An Idempotency-Key has 1 to 200 visible ASCII characters.');
  const id = `${request.apiKey._id}:${key}`;
  const parts = request.bodyParts ?? [JSON.stringify(request.body ?? null)];
  const answer = await idempotency.begin(id, idempotency.fingerprint([request.method, request.url, ...parts]));
  if (!answer) {
    request.idempotencyId = id;
    return false;
  }
  const problem = answer.status >= 400;
  reply
    .code(answer.status)
    .header('idempotency-replayed', 'true')
    .type(problem ? 'application/problem+json' : 'application/json; charset=utf-8')
    .serializer((body: unknown) => body as string)
    .send(answer.body);
  return true;
}

/** What travels with a call to a service: who asked, and under which request id it is logged. */
export function callOptions(request: FastifyRequest): { metadata: Metadata; deadline: number } {
  const context = backgroundContext({ requestId: request.id, principal: { id: request.apiKey?._id ?? '' } });
  return { metadata: toMetadata(context), deadline: 30_000 };
}
