export { createEvent, type Event } from './event.ts';
export type { EventBus, EventHandler, Subscription } from './event-bus.ts';
export { openJetStreamBus } from './jetstream/open-jetstream-bus.ts';
export { createMemoryBus } from './memory/memory-bus.ts';
export { addOutbox, createOutboxRelay, outboxOf, type Outbox } from './outbox.ts';
