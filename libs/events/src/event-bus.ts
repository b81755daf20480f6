import type { Event } from './event.ts';

export type EventHandler = (event: Event) => Promise<void>;

export interface Subscription {
  /** A stable name: after a restart it goes on where it was; processes that share it share its events. */
  name: string;
  handler: EventHandler;
}

/** Delivers events at least once to every subscription; a handler that fails is called again. Handlers are idempotent by event id. */
export interface EventBus {
  /** Resolves when the event is kept (JetStream) or handled (in memory). UNAVAILABLE when it is neither. */
  publish(event: Event): Promise<void>;
  subscribe(subscription: Subscription): Promise<void>;
  /** UNAVAILABLE when the broker does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
