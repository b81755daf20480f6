import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../../gateway-context.ts';
import { HttpError } from '../../problem.ts';

/** Health for JIM's module, without a key. Sign-in pages are not there: a client then uses its API key. */
export function addHealthRoutes(app: FastifyInstance, { platform }: GatewayContext): void {
  const anonymous = { config: { anonymous: true } };
  const health = () => Promise.resolve({ status: 'healthy', timestamp: platform.clock.now().toISOString() });
  app.get('/health', anonymous, health);
  app.get('/health/live', anonymous, health);
  app.get('/health/ready', anonymous, async (_request, reply) => {
    const ready = Object.values(await platform.checkHealth()).every((problem) => problem === undefined);
    return await reply
      .code(ready ? 200 : 503)
      .send({ status: ready ? 'ready' : 'not ready', timestamp: platform.clock.now().toISOString() });
  });
  app.get('/health/version', anonymous, () => Promise.resolve({ product: 'Certferry', version: '0.1.0' }));
  app.get('/auth/config', anonymous, () => {
    throw new HttpError(503, 'NO_SIGN_IN', 'There is no sign-in here: use an API key.');
  });
}
