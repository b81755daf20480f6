import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { answerErrors } from './answer-errors.ts';
import { recordCall, recordOutcome } from './audit-calls.ts';
import { authorize } from './authorize.ts';
import { enterCallContext } from './call-context.ts';
import type { HttpApi } from './http-api.ts';
import { keepAnswer, replayCall } from './replay-calls.ts';

/** Authentication and permission, then idempotency, then audit, around every route of an API. */
export function addApi(app: FastifyInstance, context: GatewayContext, api: HttpApi): void {
  const admit = async (request: FastifyRequest) => {
    if (request.is404 || request.routeOptions.config.anonymous) return;
    await authorize(context, request, await api.credentials(request));
  };
  answerErrors(app, context, api.errorAnswer);
  if (!api.credentialsInBody) app.addHook('onRequest', admit);
  app.addHook('onRequest', enterCallContext);
  if (api.credentialsInBody) app.addHook('preValidation', admit);
  // Again: reading a body leaves it.
  app.addHook('preValidation', enterCallContext);
  app.addHook('preHandler', async (request, reply) => {
    if (await replayCall(context, request, reply)) return reply;
    await recordCall(context, request);
    return undefined;
  });
  app.addHook('onSend', async (request, reply, payload) => {
    await recordOutcome(context, request, reply);
    await keepAnswer(context, { request, reply, payload });
    return payload;
  });
  api.routes(app);
}
