import { createHmac } from 'node:crypto';
import { openDatabase, type Database } from '@certferry/database';
import { temporaryFolder } from '@certferry/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AuditLog } from './audit-log.ts';

const KEY = Buffer.alloc(32, 7);
const at = new Date('2026-01-01T00:00:00Z');
const call = { at, caller: 'admin', action: 'POST /v1/stores', target: '', requestId: 'r1', address: '::1' };

let database: Database;
let audit: AuditLog;
beforeEach(async () => {
  database = await openDatabase(`embedded:${temporaryFolder('audit')}`);
  audit = new AuditLog(database, KEY);
  await database.ready();
});
afterEach(() => database.close());

const model = () => database.connection.models['audit']!;

test('records from before outcomes were kept verify, and what is added to them does', async () => {
  let previous = '';
  for (const [i, said] of [[], ['user', 'why']].entries()) {
    const { caller, action, target, requestId, address } = call;
    const parts = [previous, i + 1, at.toISOString(), caller, action, target, requestId, address, ...said];
    previous = createHmac('sha256', KEY).update(JSON.stringify(parts)).digest('hex');
    const [user, reason] = said;
    await model().create({ _id: i + 1, seq: i + 1, ...call, ...(said.length > 0 && { user, reason }), hmac: previous });
  }
  expect(await audit.verify()).toEqual({ records: 2 });
  await audit.record({ ...call, requestId: 'r2' });
  await audit.recordOutcome({ at, caller: 'admin', requestId: 'r2', outcome: { status: 201, reason: '' } });
  expect(await audit.verify()).toEqual({ records: 4 });
  expect((await audit.list(10, undefined)).map(({ seq, outcome }) => [seq, outcome])).toEqual([
    [3, { status: 201, reason: '' }],
    [2, undefined],
    [1, undefined],
  ]);
});

test.each([
  ['an outcome that was changed', { seq: 2 }, { $set: { outcome: { status: 200, reason: '' } } }],
  ['an outcome that was put into a call', { seq: 1 }, { $set: { outcome: { status: 200, reason: '' } } }],
  ['an outcome that was taken off', { seq: 2 }, { $unset: { outcome: 1 } }],
  ['a call that was changed', { seq: 1 }, { $set: { caller: 'nobody' } }],
])('%s breaks the chain', async (_, filter, update) => {
  await audit.record(call);
  await audit.recordOutcome({ at, caller: 'admin', requestId: 'r1', outcome: { status: 404, reason: 'GONE' } });
  expect((await audit.verify()).broken).toBeUndefined();
  await model().updateOne(filter, update);
  expect((await audit.verify()).broken).toBe(filter.seq);
});

test('an outcome that was removed breaks the chain when anything follows', async () => {
  await audit.record(call);
  await audit.recordOutcome({ at, caller: 'admin', requestId: 'r1', outcome: { status: 404, reason: 'GONE' } });
  await audit.record({ ...call, requestId: 'r2' });
  await model().deleteOne({ seq: 2 });
  expect((await audit.verify()).broken).toBe(2);
});

test('pages count calls, and outcomes do not take their place', async () => {
  for (const requestId of ['a', 'b', 'c']) {
    await audit.record({ ...call, requestId });
    await audit.recordOutcome({ at, caller: 'admin', requestId, outcome: { status: 200, reason: '' } });
  }
  const first = await audit.list(2, undefined);
  expect(first.map(({ requestId, outcome }) => [requestId, outcome?.status])).toEqual([
    ['c', 200],
    ['b', 200],
  ]);
  expect((await audit.list(2, first.at(-1)!.seq)).map(({ requestId }) => requestId)).toEqual(['a']);
});
