import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { HttpError } from '../problem.ts';

const KEY_FORMAT = /^[\x21-\x7e]{1,200}$/;

/** Answers a call whose Idempotency-Key was used before, as the first one was; else the call is to be made. */
export async function replayCall(
  { idempotency }: GatewayContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<boolean> {
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
  if (answer.location !== undefined) reply.header('location', answer.location);
  reply
    .code(answer.status)
    .header('idempotency-replayed', 'true')
    .type(answer.status >= 400 ? 'application/problem+json' : 'application/json; charset=utf-8')
    .serializer((body: unknown) => body as string)
    .send(answer.body);
  return true;
}

/** Keeps the answer of a call that came with an Idempotency-Key. */
export async function keepAnswer(
  { idempotency }: GatewayContext,
  { request, reply, payload }: { request: FastifyRequest; reply: FastifyReply; payload: unknown },
): Promise<void> {
  const location = reply.getHeader('location');
  if (request.idempotencyId && typeof payload === 'string')
    await idempotency.end(request.idempotencyId, {
      status: reply.statusCode,
      body: payload,
      ...(typeof location === 'string' && { location }),
    });
}
