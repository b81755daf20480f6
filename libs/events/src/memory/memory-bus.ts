import { AppError } from '@certferry/core';
import type { EventBus, Subscription } from '../event-bus.ts';

/** Delivery within one process. The outbox is what survives a crash: publish fails when a handler does, and is tried again. */
export function createMemoryBus(): EventBus {
  const subscriptions = new Map<string, Subscription>();
  return {
    async publish(event) {
      const results = await Promise.allSettled([...subscriptions.values()].map((one) => one.handler(event)));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) {
        const message = 'A subscriber did not handle the event; it will be delivered again.';
        throw new AppError({ code: 'UNAVAILABLE', reason: 'EVENT_NOT_HANDLED', message, cause: failed.reason });
      }
    },
    subscribe(subscription) {
      subscriptions.set(subscription.name, subscription);
      return Promise.resolve();
    },
    ping: () => Promise.resolve(),
    close() {
      subscriptions.clear();
      return Promise.resolve();
    },
  };
}
