import { AppError } from '@certferry/core';
import type { FastifyRequest } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HttpError } from '../problem.ts';
import { openTestGateway, type TestGateway } from '../testing/open-test-gateway.ts';
import { probeDialect } from '../testing/probe-dialect.ts';

let gateway: TestGateway;
let made = 0;

beforeAll(async () => {
  const write = { config: { scope: 'write' } } as const;
  const probe = probeDialect((app, { audit }) => {
    app.get('/things', { config: { scope: 'read' } }, () => Promise.resolve('things'));
    app.post('/things/:id', write, async (_request, reply) => {
      // The record is there while the call runs, and says nothing yet of how it ends.
      const [record] = await audit.list(1, undefined);
      return await reply.code(201).send({ outcome: record!.outcome ?? 'none', made: ++made });
    });
    app.post('/refused', write, () => {
      throw new AppError({ code: 'NOT_FOUND', reason: 'THING_NOT_FOUND', message: 'There is no such thing.' });
    });
    app.post('/broken', write, () => {
      throw new Error('canary');
    });
    app.post('/look', { config: { scope: 'read', readOnly: true } }, () => Promise.resolve('looked'));
    const statedReason = ({ query }: FastifyRequest) => (query as { why?: string }).why;
    app.post('/stated', { config: { scope: 'write', statedReason } }, () => Promise.resolve('done'));
  });
  const quiet = probeDialect((app) =>
    app.post('/things', write, () => {
      throw new HttpError(409, 'THING_EXISTS', 'It exists.');
    }),
  );
  const errorAnswer = () => ({ status: 200, body: 'it went wrong', type: 'text/plain' });
  const quietly = (context: Parameters<typeof quiet.create>[0]) => ({ ...quiet.create(context), errorAnswer });
  gateway = await openTestGateway({ dialects: [probe, { ...quiet, prefix: '/quiet', create: quietly }] });
});
afterAll(() => gateway.close());

const latest = async () => (await gateway.context.audit.list(1, undefined))[0]!;

test('a mutating call has one record before it is made, and then its outcome', async () => {
  const answer = await gateway.send({ method: 'POST', url: '/probe/things/7' });
  expect(answer.json()).toMatchObject({ outcome: 'none' });
  expect(await latest()).toMatchObject({
    action: 'POST /probe/things/:id',
    target: '7',
    requestId: answer.headers['x-request-id'],
    outcome: { status: 201, reason: '' },
  });
  const listed = (await gateway.send({ method: 'GET', url: '/v1/audit' })).json();
  expect(listed.items).toMatchObject([{ seq: 1, target: '7', outcome: { status: 201, reason: '' } }]);
  expect(await gateway.context.audit.verify()).toMatchObject({ records: 2 });
});

test('the outcome of a failure is its status and reason, also where the API answers 200', async () => {
  for (const [url, outcome] of [
    ['/probe/refused', { status: 404, reason: 'THING_NOT_FOUND' }],
    ['/probe/broken', { status: 500, reason: 'INTERNAL' }],
    ['/quiet/things', { status: 409, reason: 'THING_EXISTS' }],
  ] as const) {
    const answer = await gateway.send({ method: 'POST', url });
    expect(await latest()).toMatchObject({ requestId: answer.headers['x-request-id'], outcome });
  }
  expect((await gateway.send({ method: 'POST', url: '/quiet/things' })).statusCode).toBe(200);
  expect((await gateway.context.audit.verify()).broken).toBeUndefined();
});

test('what changes nothing is not recorded', async () => {
  const before = await gateway.context.audit.verify();
  await gateway.send({ method: 'GET', url: '/probe/things' });
  await gateway.send({ method: 'POST', url: '/probe/look' });
  expect(await gateway.context.audit.verify()).toEqual(before);
});

test('what the caller says that it is for is kept, cut at its limit', async () => {
  await gateway.send({ method: 'POST', url: `/probe/stated?why=${'x'.repeat(2_000)}` });
  expect((await latest()).reason).toBe('x'.repeat(1_000));
});

test('a call whose record cannot be written is not made; one whose outcome cannot be is answered and logged', async () => {
  const { audit } = gateway.context;
  const before = made;
  const fail = () => Promise.reject(new Error('disk full'));
  Object.assign(audit, { record: fail });
  expect((await gateway.send({ method: 'POST', url: '/probe/things/1' })).statusCode).toBe(500);
  expect(made).toBe(before);
  Reflect.deleteProperty(audit, 'record');
  Object.assign(audit, { recordOutcome: fail });
  const answer = await gateway.send({ method: 'POST', url: '/probe/things/1' });
  Reflect.deleteProperty(audit, 'recordOutcome');
  expect([answer.statusCode, made]).toEqual([201, before + 1]);
  expect(gateway.log).toContainEqual(
    expect.objectContaining({
      level: 'error',
      message: 'could not record how a call ended',
      line: expect.objectContaining({ requestId: answer.headers['x-request-id'], status: 201 }),
    }),
  );
  expect((await latest()).outcome).toBeUndefined();
});
