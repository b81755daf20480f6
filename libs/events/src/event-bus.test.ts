import { setTimeout as delay } from 'node:timers/promises';
import { freePort, hasProgram, startNatsServer, temporaryFolder } from '@certferry/testing';
import { describe, expect, test, vi } from 'vitest';
import { describeEventBus } from './event-bus.conformance.ts';
import { createEvent, type Event } from './event.ts';
import { openJetStreamBus } from './jetstream/jetstream-bus.ts';
import { createMemoryBus } from './memory/memory-bus.ts';

describeEventBus('in memory', () => Promise.resolve(createMemoryBus()));

// Servers of its own: it kills them.
describe.skipIf(!hasProgram('nats-server'))('on nats-server', () => {
  describeEventBus('JetStream', async () => {
    const own = await startNatsServer();
    const bus = await openJetStreamBus(own.url);
    return { ...bus, close: async () => void (await bus.close(), await own.stop()) };
  });

  test('credentials in the URL are used', async () => {
    const own = await startNatsServer({ more: 'authorization { user: certferry, password: "p@ss" }\n' });
    const bus = await openJetStreamBus(own.url.replace('//', '//certferry:p%40ss@'));
    await bus.publish(createEvent({ type: 'certferry.test.thing.happened', subject: 'a', data: {}, time: new Date() }));
    await bus.close();
    await expect(openJetStreamBus(own.url)).rejects.toMatchObject({ reason: 'EVENTS_UNAVAILABLE' });
    await own.stop();
  });

  test('a broker that is killed and wiped is used again when it is back', { timeout: 60_000 }, async () => {
    const port = await freePort();
    const first = await startNatsServer({ port });
    const bus = await openJetStreamBus(first.url);
    const seen: string[] = [];
    await bus.subscribe({
      name: 'survivor',
      handler: (event: Event) => Promise.resolve(void seen.push(event.subject)),
    });
    const publish = (subject: string) =>
      bus.publish(createEvent({ type: 'certferry.test.thing.happened', subject, data: {}, time: new Date() }));
    await publish('before');
    await vi.waitFor(() => expect(seen).toEqual(['before']), { timeout: 10_000 });
    await first.stop('SIGKILL');
    await expect(publish('while down')).rejects.toMatchObject({ reason: 'EVENTS_UNAVAILABLE' });
    const second = await startNatsServer({ port, folder: temporaryFolder('nats') });
    while (
      await publish('after').then(
        () => false,
        () => true,
      )
    )
      await delay(200);
    await vi.waitFor(() => expect(seen).toContain('after'), { timeout: 20_000 });
    await bus.close();
    await second.stop();
  });
});

test('a broker that is not there is said clearly', async () => {
  await expect(openJetStreamBus('nats://127.0.0.1:1')).rejects.toMatchObject({ reason: 'EVENTS_UNAVAILABLE' });
});
