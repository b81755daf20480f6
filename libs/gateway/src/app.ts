import helmet from '@fastify/helmet';
import multipart from '@fastify/multipart';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { newId } from '@certferry/core';
import { openApiDocument } from '@certferry/rest';
import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { Dialect } from './dialects/dialect.ts';
import { canonicalPath, DIALECTS } from './dialects/index.ts';
import type { GatewayContext } from './gateway-context.ts';
import { HttpError, noSuchRoute, problemAnswer } from './problem.ts';
import { addApi } from './shell/add-api.ts';
import { answerErrors } from './shell/answer-errors.ts';
import { apiKeyHeader } from './shell/http-api.ts';
import { logRequests } from './shell/log-requests.ts';
import { requirePermissions } from './shell/require-permissions.ts';
import { systemRoutes } from './system-routes.ts';
import { v1Routes } from './v1/index.ts';

export const MAX_UPLOAD_BYTES = 10 * 1024 * 1024;
/** Base64 of the largest upload, and what is around it. */
const MAX_BODY_BYTES = 15 * 1024 * 1024;

/** In the place of our own description, which is made when somebody asks for it: no start waits for it. */
const NOT_MADE = { openapi: '3.1.0', info: { title: 'Certferry', version: '1' }, paths: {} };

/** Fastify loads compilers of its own at every start when it is given none here, though those set below are the ones it asks. */
const notAsked = (): never => {
  throw new Error('A schema has no compiler');
};

/**
 * The HTTP side: our own API and the dialects behind one shell, documentation, health and metrics. Throws
 * FAILED_PRECONDITION NO_PERMISSION_DECLARED for a route that says neither its scope nor that it is anonymous.
 */
export async function createApp(
  context: GatewayContext,
  dialects: readonly Dialect[] = DIALECTS,
): Promise<FastifyInstance> {
  const app = fastify({
    bodyLimit: MAX_BODY_BYTES,
    genReqId: newId,
    logger: false,
    requestTimeout: 60_000,
    forceCloseConnections: 'idle',
    routerOptions: { caseSensitive: false },
    schemaController: { compilersFactory: { buildValidator: notAsked, buildSerializer: notAsked } },
    rewriteUrl: ({ url = '/' }) => canonicalPath(url, dialects),
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  parseJson(app);
  requirePermissions(app);
  logRequests(app, context);
  await app.register(helmet, {
    contentSecurityPolicy: { directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
  });
  await app.register(multipart, {
    limits: { fileSize: MAX_UPLOAD_BYTES, files: 1, fields: 20, fieldSize: 512 * 1024, parts: 21 },
  });
  let openApi: object | undefined;
  const describeApi = () => (openApi ??= openApiDocument());
  await app.register(swagger, { mode: 'static', specification: { document: NOT_MADE } });
  await app.register(async (pages) => {
    pages.addHook('onRoute', (route) => void (route.config = { ...route.config, anonymous: true }));
    await pages.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: true,
      uiConfig: { persistAuthorization: true },
      transformSpecification: describeApi,
    });
  });
  answerErrors(app, context, problemAnswer);
  app.setNotFoundHandler((request) => {
    throw new HttpError(
      404,
      'NO_SUCH_ROUTE',
      `There is no ${request.method} ${request.url.split('?')[0]}; /docs shows what there is.`,
    );
  });
  await app.register(systemRoutes(context, describeApi));
  await app.register(
    (scope, _, done) => {
      addApi(scope, context, {
        credentials: apiKeyHeader,
        errorAnswer: problemAnswer,
        routes: (own) => void own.register(v1Routes(context)),
      });
      done();
    },
    { prefix: '/v1' },
  );
  for (const { prefix, create } of dialects) {
    await app.register(
      (scope, _, done) => {
        addApi(scope, context, create(context));
        scope.setNotFoundHandler((request) => {
          throw noSuchRoute(request);
        });
        done();
      },
      { prefix },
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
