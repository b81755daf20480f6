import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';

const MAX_REASON_CHARACTERS = 1_000;

/** Whether the route may change something. */
export const isMutating = ({ method, routeOptions }: FastifyRequest): boolean =>
  method !== 'GET' && method !== 'HEAD' && !routeOptions.config.readOnly;

/** One record of a mutating call, before it is made; a call whose record cannot be written is not made. */
export async function recordCall({ audit, platform }: GatewayContext, request: FastifyRequest): Promise<void> {
  if (!request.apiKey || !isMutating(request)) return;
  const reason = request.routeOptions.config.statedReason?.(request);
  await audit.record({
    at: platform.clock.now(),
    caller: request.apiKey._id,
    action: `${request.method} ${request.routeOptions.url ?? ''}`,
    target: Object.values((request.params ?? {}) as Record<string, string>).join(' '),
    requestId: request.id,
    address: request.ip,
    ...(request.callerName && { user: request.callerName }),
    ...(reason && { reason: reason.slice(0, MAX_REASON_CHARACTERS) }),
  });
  request.awaitsOutcome = true;
}

/** How a recorded call ended, before its answer leaves. The call is made: a failure here is logged, not answered. */
export async function recordOutcome(
  { audit, platform }: GatewayContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<void> {
  if (!request.awaitsOutcome || !request.apiKey) return;
  request.awaitsOutcome = false;
  const { id: requestId, failure = { status: reply.statusCode, reason: '' } } = request;
  try {
    await audit.recordOutcome({ at: platform.clock.now(), caller: request.apiKey._id, requestId, outcome: failure });
  } catch (error) {
    platform.logger.error({ err: error, requestId, ...failure }, 'could not record how a call ended');
  }
}
