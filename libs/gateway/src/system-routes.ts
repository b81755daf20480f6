import type { FastifyPluginCallback } from 'fastify';
import type { GatewayContext } from './gateway-context.ts';

/** Health, metrics and the API's description: no key, nothing of anybody's data. */
export function systemRoutes({ platform }: GatewayContext, describeApi: () => object): FastifyPluginCallback {
  const open = { config: { anonymous: true }, schema: { hide: true } };
  return (app, _, done) => {
    app.get('/healthz', open, async () => await Promise.resolve({ status: 'ok' }));
    app.get('/readyz', open, async (_request, reply) => {
      const checks = await platform.checkHealth();
      const problems = Object.fromEntries(Object.entries(checks).filter(([, problem]) => problem !== undefined));
      const ready = Object.keys(problems).length === 0;
      return await reply
        .code(ready ? 200 : 503)
        .send({ status: ready ? 'ready' : 'not ready', ...(!ready && { problems }) });
    });
    app.get(
      '/metrics',
      open,
      async (_request, reply) => await reply.type(platform.metrics.contentType).send(await platform.metrics.metrics()),
    );
    app.get('/openapi.json', open, async () => await Promise.resolve(describeApi()));
    app.get('/', open, async (_request, reply) => await reply.redirect('/docs'));
    done();
  };
}
