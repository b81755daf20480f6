import type { FastifyInstance } from 'fastify';
import type { Dialect } from '../dialects/dialect.ts';
import type { GatewayContext } from '../gateway-context.ts';
import { problemAnswer } from '../problem.ts';
import { apiKeyHeader, type HttpApi } from '../shell/http-api.ts';

/** A dialect of nobody's, below /probe, for what the shell does with any. */
export function probeDialect(
  routes: (app: FastifyInstance, context: GatewayContext) => void,
  more: Partial<HttpApi> = {},
): Dialect {
  return {
    name: 'probe',
    prefix: '/probe',
    create: (context) => ({
      credentials: apiKeyHeader,
      errorAnswer: problemAnswer,
      routes: (app) => routes(app, context),
      ...more,
    }),
  };
}
