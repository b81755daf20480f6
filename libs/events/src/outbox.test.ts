import { openDatabase } from '@certferry/database';
import { temporaryFolder } from '@certferry/testing';
import { Schema } from 'mongoose';
import { afterAll, beforeAll, expect, inject, test, vi, describe } from 'vitest';
import { createEvent, type Event } from './event.ts';
import { addOutbox, createOutboxRelay, type Outbox } from './outbox.ts';
import { createMemoryBus } from './memory/memory-bus.ts';
import type { Database } from '@certferry/database';
import type { Model } from 'mongoose';

interface Thing extends Outbox {
  _id: string;
  n: number;
}
const mongodb = inject('mongodb');
const engines = [
  ['embedded', () => `embedded:${temporaryFolder('outbox')}`] as const,
  ...(mongodb ? [[mongodb.engine, () => `${mongodb.url}/outbox-${Date.now()}`] as const] : []),
];

describe.each(engines)('outbox on %s', (_, url) => {
  let database: Database;
  let things: Model<Thing>;
  beforeAll(async () => {
    database = await openDatabase(url());
    const schema = new Schema<Thing>({ _id: String, n: Number }, { versionKey: false });
    addOutbox(schema as never);
    things = database.model('things', schema);
    await database.ready();
  });
  afterAll(() => database.close());

  const event = (subject: string, n: number) =>
    createEvent({ type: 'certferry.test.thing.happened', subject, data: { n }, time: new Date() });

  test('events saved with their aggregate are published in order, then taken out; a tombstone goes with its last', async () => {
    await things.create(
      { _id: 'a', n: 1, pendingEvents: [event('a', 1), event('a', 2)], outbox: true },
      { _id: 'gone', n: 1, deleted: true, pendingEvents: [event('gone', 1)], outbox: true },
    );
    const bus = createMemoryBus();
    const seen: Event[] = [];
    let failures = 2;
    await bus.subscribe({
      name: 's',
      handler: (one) => (failures-- > 0 ? Promise.reject(new Error('down')) : Promise.resolve(void seen.push(one))),
    });
    const errors: unknown[] = [];
    const relay = createOutboxRelay({ models: [things as never], bus, onError: (error) => errors.push(error) });
    relay.start();
    await vi.waitFor(async () => expect(await things.countDocuments({ outbox: true })).toBe(0), { timeout: 10_000 });
    expect(errors.length).toBeGreaterThan(0);
    expect(seen.filter((one) => one.subject === 'a').map((one) => (one.data as { n: number }).n)).toEqual([1, 2]);
    expect(await things.find().lean()).toEqual([{ _id: 'a', n: 1 }]);

    await things.updateOne({ _id: 'a' }, { $set: { n: 2, outbox: true }, $push: { pendingEvents: event('a', 3) } });
    relay.kick();
    await vi.waitFor(() => expect(seen.at(-1)).toMatchObject({ subject: 'a', data: { n: 3 } }));
    await relay.stop();
  });
});
