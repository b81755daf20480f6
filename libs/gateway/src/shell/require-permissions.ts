import { AppError } from '@certferry/core';
import type { FastifyInstance, RouteOptions } from 'fastify';

/**
 * Default deny: the start fails with the name of every route below that declares neither a `scope` nor that it is
 * `anonymous`, or both; and one with a scope that nothing authorized before its handler is refused.
 */
export function requirePermissions(app: FastifyInstance): void {
  const declared: RouteOptions[] = [];
  app.addHook('onRoute', (route) => void declared.push(route));
  // Not at once: a plugin's own hooks may still declare for its routes.
  app.addHook('onReady', (done) => {
    const undeclared = declared.filter(({ config }) => (config?.scope !== undefined) === (config?.anonymous === true));
    if (undeclared.length === 0) return done();
    const names = undeclared.map(({ method, url }) => `${[method].flat().join(', ')} ${url}`);
    const message = `Routes need either a scope or anonymous: true: ${names.join('; ')}.`;
    done(new AppError({ code: 'FAILED_PRECONDITION', reason: 'NO_PERMISSION_DECLARED', message }));
  });
  app.addHook('preHandler', (request, _reply, done) => {
    const { scope } = request.routeOptions.config;
    if (scope === undefined || request.apiKey?.scopes.includes(scope)) return done();
    const message = 'Nobody has authorized this call.';
    done(new AppError({ code: 'PERMISSION_DENIED', reason: 'NOT_AUTHORIZED', message }));
  });
}
