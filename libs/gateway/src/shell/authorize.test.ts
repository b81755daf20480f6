import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestGateway, type TestGateway } from '../testing/open-test-gateway.ts';
import { probeDialect } from '../testing/probe-dialect.ts';

let gateway: TestGateway;
let made = 0;

beforeAll(async () => {
  const probe = probeDialect((app) => {
    app.get('/things', { config: { scope: 'read' } }, () => Promise.resolve('things'));
    app.post('/things', { config: { scope: 'write' } }, () => Promise.resolve(String(++made)));
    app.get('/anonymous', { config: { anonymous: true } }, () => Promise.resolve('anybody'));
  });
  gateway = await openTestGateway({ dialects: [probe] });
});
afterAll(() => gateway.close());

test('nobody is let in without a key, and a key only to what it is for', async () => {
  const reader = await gateway.makeKey('read');
  const statuses = async (headers: Record<string, string>) => {
    const calls = [
      { method: 'GET', url: '/probe/things' },
      { method: 'HEAD', url: '/probe/things' },
      { method: 'POST', url: '/probe/things' },
      { method: 'GET', url: '/probe/anonymous' },
      { method: 'GET', url: '/probe/nothing' },
    ] as const;
    return (await Promise.all(calls.map((call) => gateway.send({ ...call, headers })))).map((one) => one.statusCode);
  };
  expect(await statuses({})).toEqual([401, 401, 401, 200, 404]);
  expect(await statuses({ 'x-api-key': reader })).toEqual([200, 200, 403, 200, 404]);
  expect(await statuses({ authorization: `Bearer ${reader}` })).toEqual([200, 200, 403, 200, 404]);
  expect(made).toBe(0);
  expect(await statuses({ 'x-api-key': gateway.adminKey })).toEqual([200, 200, 200, 200, 404]);
});

test('a refused call is not audited as made, and says which scope it needs', async () => {
  const before = await gateway.context.audit.verify();
  const refused = await gateway.send({
    method: 'POST',
    url: '/probe/things',
    headers: { 'x-api-key': await gateway.makeKey('read') },
  });
  expect(refused.json()).toMatchObject({ status: 403, reason: 'SCOPE_REQUIRED', details: { scope: 'write' } });
  expect(await gateway.context.audit.verify()).toEqual(before);
});

test('wrong keys of one address are limited, with Retry-After; a right one is not', async () => {
  const wrong = { method: 'GET', url: '/probe/things', headers: { 'x-api-key': 'wrong' } } as const;
  for (let tries = 0; tries < 31; tries++) await gateway.send(wrong);
  const limited = await gateway.send(wrong);
  expect([limited.statusCode, limited.headers['retry-after'], limited.json().reason]).toEqual([
    429,
    '60',
    'RATE_LIMITED',
  ]);
  expect((await gateway.send({ method: 'GET', url: '/probe/things' })).statusCode).toBe(200);
});
