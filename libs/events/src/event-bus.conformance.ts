import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createEvent, type Event } from './event.ts';
import type { EventBus } from './event-bus.ts';

let count = 0;
const makeEvent = (subject = `s${count++}`) =>
  createEvent({ type: 'certferry.test.thing.happened', subject, data: { n: count }, time: new Date() });

/** What every adapter of EventBus does. */
export function describeEventBus(name: string, open: () => Promise<EventBus>): void {
  describe(name, () => {
    let bus: EventBus;
    beforeAll(async () => void (bus = await open()));
    afterAll(() => bus.close());
    const got = (list: Event[], ...events: Event[]) =>
      vi.waitFor(() => expect(list.map((one) => one.id)).toEqual(expect.arrayContaining(events.map((one) => one.id))), {
        timeout: 10_000,
      });

    test('every subscription gets every event, whole', async () => {
      const a: Event[] = [];
      const b: Event[] = [];
      await bus.subscribe({ name: 'all-a', handler: (event) => Promise.resolve(void a.push(event)) });
      await bus.subscribe({ name: 'all-b', handler: (event) => Promise.resolve(void b.push(event)) });
      const events = [makeEvent(), makeEvent(), makeEvent()];
      for (const event of events) await bus.publish(event);
      await got(a, ...events);
      await got(b, ...events);
      expect(a.find((one) => one.id === events[0]!.id)).toEqual(events[0]);
    });

    test('one publisher’s events arrive in order', async () => {
      const seen: string[] = [];
      await bus.subscribe({ name: 'order', handler: (event) => Promise.resolve(void seen.push(event.id)) });
      const events = Array.from({ length: 20 }, () => makeEvent('same'));
      for (const event of events) await bus.publish(event);
      await vi.waitFor(
        () => expect(seen.filter((id) => events.some((one) => one.id === id))).toEqual(events.map((one) => one.id)),
        { timeout: 10_000 },
      );
    });

    test('a handler that fails gets the event again', async () => {
      const event = makeEvent();
      let calls = 0;
      await bus.subscribe({
        name: 'failing',
        handler: (one) =>
          one.id === event.id && ++calls < 3 ? Promise.reject(new Error('not yet')) : Promise.resolve(),
      });
      // In memory the publisher hears of it and tries again, as the relay does; a broker keeps it and delivers again.
      while (
        await bus.publish(event).then(
          () => false,
          () => true,
        )
      );
      await vi.waitFor(() => expect(calls).toBe(3), { timeout: 10_000 });
    });

    test('answers when asked', () => bus.ping());
  });
}
