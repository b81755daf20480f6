import helmet from '@fastify/helmet';
import multipart from '@fastify/multipart';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { newId } from '@certferry/core';
import { openApiDocument } from '@certferry/rest';
import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { Histogram } from 'prom-client';
import { canonicalPath, DIALECTS } from './dialects/index.ts';
import type { GatewayContext } from './gateway-context.ts';
import { addGuards } from './guards.ts';
import { HttpError, toProblem } from './problem.ts';
import { systemRoutes } from './system-routes.ts';
import { v1Routes } from './v1/index.ts';

export const MAX_UPLOAD_BYTES = 10 * 1024 * 1024;
/** Base64 of the largest upload, and what is around it. */
const MAX_BODY_BYTES = 15 * 1024 * 1024;

/** The HTTP side: our own API, its documentation, health and metrics. */
export async function createApp(context: GatewayContext): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    genReqId: newId,
    logger: false,
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
    routerOptions: { caseSensitive: false },
    rewriteUrl: ({ url = '/' }) => canonicalPath(url),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  parseJson(app);
  observe(app, context);
  await app.register(helmet, {
    contentSecurityPolicy: { directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  });
  await app.register(multipart, {
    limits: { fileSize: MAX_UPLOAD_BYTES, files: 1, fields: 20, fieldSize: 512 * 1024, parts: 21 },
  });
  await app.register(swagger, { mode: 'static', specification: { document: openApiDocument() } });
  await app.register(async (pages) => {
    await pages.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      uiConfig: { persistAuthorization: true },
    });
  });
  app.setErrorHandler(async (error, request, reply) => {
    const problem = toProblem(error, request.id);
    if (problem.status >= 500)
      context.platform.logger.error(
        { err: error, requestId: request.id, method: request.method, route: request.routeOptions.url },
        'request failed',
      );
    if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
    const body = JSON.stringify(problem);
    return await reply
      .code(problem.status)
      .type('application/problem+json')
      .serializer((text: unknown) => text as string)
      .send(body);
  });
  app.setNotFoundHandler((request) => {
    throw new HttpError(
      404,
      'NO_SUCH_ROUTE',
      `There is no ${request.method} ${request.url.split('?')[0]}; /docs shows what there is.`,
    );
  });
  await app.register(systemRoutes(context));
  await app.register(async (guarded) => {
    addGuards(guarded, context);
    await guarded.register(v1Routes(context), { prefix: '/v1' });
  });
  for (const dialect of DIALECTS) {
    await app.register(
      (scope, _, done) => {
        dialect.addRoutes(scope, context);
        done();
      },
      { prefix: dialect.prefix },
    );
  }
  await app.ready();
  return app;
}

/** Empty and `null` bodies are no body: clients set the content type on calls that have none. */
function parseJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.addContentTypeParser(['application/json', 'application/*+json'], { parseAs: 'string' }, (request, body, done) => {
    const text = (body as string).trim();
    if (text === '' || text === 'null') done(null, undefined);
    else void parse(request, text, done);
  });
}

function observe(app: FastifyInstance, { platform }: GatewayContext): void {
  const duration = new Histogram({
    name: 'certferry_http_request_duration_seconds',
    help: 'Duration of HTTP requests by route.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [platform.metrics],
  });
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done();
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    duration.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    platform.logger.info(
      {
        requestId: request.id,
        method: request.method,
        route,
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime),
        caller: request.apiKey?._id,
      },
      'request',
    );
    done();
  });
}
