import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestGateway, type TestGateway } from '../testing/open-test-gateway.ts';
import { probeDialect } from '../testing/probe-dialect.ts';

let gateway: TestGateway;
let made = 0;
let broken = true;

beforeAll(async () => {
  const probe = probeDialect((app) => {
    app.post('/things', { config: { scope: 'write', idempotent: true } }, async (_request, reply) =>
      reply.code(201).header('location', '/probe/things/1').send({ made: ++made }),
    );
    app.post('/others', { config: { scope: 'write' } }, async () => Promise.resolve({ made: ++made }));
    app.post('/broken', { config: { scope: 'write', idempotent: true } }, () => {
      if (broken) throw new Error('down');
      return Promise.resolve({ made: ++made });
    });
  });
  gateway = await openTestGateway({ dialects: [probe] });
});
afterAll(() => gateway.close());

const post = (url: string, key: string, payload: object = { a: 1 }) =>
  gateway.send({ method: 'POST', url, payload, headers: { 'x-api-key': gateway.adminKey, 'idempotency-key': key } });

test('the second call with a key is answered as the first, made once and audited once', async () => {
  const first = await post('/probe/things', 'one');
  const before = await gateway.context.audit.verify();
  const second = await post('/probe/things', 'one');
  expect([second.statusCode, second.body, second.headers['idempotency-replayed']]).toEqual([201, first.body, 'true']);
  expect([first.headers.location, second.headers.location]).toEqual(['/probe/things/1', '/probe/things/1']);
  expect(second.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(await gateway.context.audit.verify()).toEqual(before);
});

test('a key of another call, and no key at all, are refused', async () => {
  expect((await post('/probe/things', 'one', { a: 2 })).json()).toMatchObject({
    status: 422,
    reason: 'IDEMPOTENCY_KEY_REUSED',
  });
  expect((await post('/probe/things', 'with a space')).json()).toMatchObject({
    status: 400,
    reason: 'INVALID_IDEMPOTENCY_KEY',
  });
});

test('a route that does not take a key makes the call again, and what failed on our side may be made again', async () => {
  expect((await post('/probe/others', 'two')).body).not.toBe((await post('/probe/others', 'two')).body);
  expect((await post('/probe/broken', 'three')).statusCode).toBe(500);
  broken = false;
  expect((await post('/probe/broken', 'three')).statusCode).toBe(200);
});
