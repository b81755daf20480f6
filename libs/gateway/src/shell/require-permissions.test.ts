import fastify from 'fastify';
import { expect, test } from 'vitest';
import { DIALECTS } from '../dialects/index.ts';
import { openTestGateway } from '../testing/open-test-gateway.ts';
import { probeDialect } from '../testing/probe-dialect.ts';
import { requirePermissions } from './require-permissions.ts';

const answer = () => Promise.resolve('here');

test('the start fails with the name of every route that declares no permission, or two', async () => {
  const probe = probeDialect((app) => {
    app.post('/open-to-all', answer);
    app.get('/both', { config: { scope: 'read', anonymous: true } }, answer);
    app.get('/declared', { config: { scope: 'read' } }, answer);
  });
  const start = openTestGateway({ dialects: [probe] });
  await expect(start).rejects.toMatchObject({ code: 'FAILED_PRECONDITION', reason: 'NO_PERMISSION_DECLARED' });
  const message = await start.catch((error: Error) => error.message);
  expect(message).toContain('POST /probe/open-to-all');
  expect(message).toContain('GET /probe/both');
  expect(message).not.toContain('/declared');
});

test('every route of ours is declared, and a dialect whose line is gone is gone', async () => {
  const whole = await openTestGateway();
  const without = await openTestGateway({ dialects: DIALECTS.filter(({ name }) => name !== 'jim') });
  try {
    const call = { method: 'GET', url: '/api/v1/health' } as const;
    expect((await whole.send(call)).statusCode).toBe(200);
    expect((await without.send(call)).json()).toMatchObject({ status: 404, reason: 'NO_SUCH_ROUTE' });
    expect((await without.send({ method: 'GET', url: '/KeyfactorAPI/Status/Endpoints' })).statusCode).toBe(200);
  } finally {
    await Promise.all([whole.close(), without.close()]);
  }
});

test('a route with a scope that no shell stands before is never answered', async () => {
  const app = fastify();
  requirePermissions(app);
  app.get('/unguarded', { config: { scope: 'read' } }, answer);
  app.get('/anonymous', { config: { anonymous: true } }, answer);
  expect((await app.inject('/unguarded')).body).toContain('Nobody has authorized this call.');
  expect((await app.inject('/anonymous')).body).toBe('here');
  await app.close();
});
