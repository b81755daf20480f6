import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { HttpError, toProblem } from '../problem.ts';
import type { HttpApi } from './http-api.ts';

/** Seconds: wrong keys are counted by the minute, a service comes back sooner. */
const RETRY_AFTER: Record<number, string> = { 429: '60', 503: '5' };

/** Answers whatever is thrown below as the API says it; what nobody foresaw is logged with the request id. */
export function answerErrors(
  app: FastifyInstance,
  { platform }: GatewayContext,
  errorAnswer: HttpApi['errorAnswer'],
): void {
  app.setErrorHandler(async (error, request, reply) => {
    const { status: meant, reason } = toProblem(error, request.id);
    request.failure = { status: meant, reason };
    if (meant >= 500 && !(error instanceof HttpError))
      platform.logger.error(
        { err: error, requestId: request.id, method: request.method, route: request.routeOptions.url },
        'request failed',
      );
    const { status, body, type, headers = {} } = errorAnswer(error, request);
    const retryAfter = RETRY_AFTER[status];
    if (retryAfter) reply.header('retry-after', retryAfter);
    return await reply
      .code(status)
      .headers(headers)
      .type(type)
      .serializer((text: unknown) => text as string)
      .send(body);
  });
}
