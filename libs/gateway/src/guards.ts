import { AppError } from '@certferry/core';
import { CALLER, Metadata, REQUEST_ID } from '@certferry/rpc';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from './gateway-context.ts';
import { HttpError } from './problem.ts';
import type { ApiKey, Scope } from './security/api-keys.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the caller's key must allow. */
    scope?: Scope;
    /** A POST that changes nothing: no audit record. */
    readOnly?: boolean;
    /** Takes an Idempotency-Key. */
    idempotent?: boolean;
  }
  interface FastifyRequest {
    apiKey?: ApiKey;
    idempotencyId?: string;
    /** What the body was, for the idempotency fingerprint; never logged. */
    bodyParts?: (string | Uint8Array)[];
  }
}

const FAILURES_PER_MINUTE = 30;

/** Authentication, permission, idempotency and audit, in this order, for every route below. */
export function addGuards(app: FastifyInstance, context: GatewayContext): void {
  const failures = new FailureLimit(FAILURES_PER_MINUTE);
  app.addHook('onRequest', async (request) => {
    const { scope } = request.routeOptions.config;
    if (request.is404) return;
    const key = await authenticate(context, request);
    if (!key) {
      failures.count(request.ip);
      throw unauthenticated();
    }
    request.apiKey = key;
    if (!scope || !key.scopes.includes(scope)) {
      throw new AppError({
        code: 'PERMISSION_DENIED',
        reason: 'SCOPE_REQUIRED',
        message: `This API key does not have the scope "${scope ?? 'none'}".`,
        details: { scope: scope ?? '' },
      });
    }
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

async function authenticate(context: GatewayContext, request: FastifyRequest): Promise<ApiKey | undefined> {
  const header = request.headers['x-api-key'];
  const bearer = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1];
  const text = typeof header === 'string' ? header : bearer;
  return text ? await context.apiKeys.authenticate(text) : undefined;
}

function unauthenticated(): AppError {
  const message =
    'Send an API key in X-Api-Key or as Authorization: Bearer. At the first start one is kept in <data folder>/admin-api-key.';
  return new AppError({ code: 'UNAUTHENTICATED', reason: 'API_KEY_REQUIRED', message });
}

/** Wrong keys from one address, within a minute. */
class FailureLimit {
  readonly #most: number;
  #minute = 0;
  #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts a wrong key; HttpError 429 when there were too many. Right keys are never refused. */
  count(address: string): void {
    const minute = Math.floor(Date.now() / 60_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#counts = new Map();
    }
    const count = (this.#counts.get(address) ?? 0) + 1;
    this.#counts.set(address, count);
    if (count > this.#most) {
      throw new HttpError(
        429,
        'RATE_LIMITED',
        `More than ${this.#most} wrong API keys came from this address in a minute; wait a minute.`,
      );
    }
  }
}

const isMutating = (request: FastifyRequest): boolean =>
  request.method !== 'GET' && request.method !== 'HEAD' && !request.routeOptions.config.readOnly;

async function recordAudit({ audit, platform }: GatewayContext, request: FastifyRequest): Promise<void> {
  if (!request.apiKey || !isMutating(request)) return;
  await audit.record({
    at: platform.clock.now(),
    caller: request.apiKey._id,
    action: `${request.method} ${request.routeOptions.url ?? ''}`,
    target: Object.values((request.params ?? {}) as Record<string, string>).join(' '),
    requestId: request.id,
    address: request.ip,
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
  return { metadata: Metadata({ [REQUEST_ID]: request.id, [CALLER]: request.apiKey?._id ?? '' }), deadline: 30_000 };
}
