import { AsyncResource } from 'node:async_hooks';
import type { Model, Schema } from 'mongoose';
import type { EventBus } from './event-bus.ts';
import type { Event } from './event.ts';

/** What an aggregate carries until its events are published. Saved in the same write as the state they tell of. */
export interface Outbox {
  pendingEvents?: Event[];
  /** Present while there are pending events; indexed. */
  outbox?: boolean;
  /** A tombstone: nothing is left but its last events, and it goes when they are out. */
  deleted?: boolean;
}

/** Adds the outbox fields and their index to an aggregate's schema. */
export function addOutbox(schema: Schema): void {
  schema.add({
    pendingEvents: { type: [Object], default: undefined },
    outbox: { type: Boolean, default: undefined },
    deleted: { type: Boolean, default: undefined },
  } as never);
  schema.index({ outbox: 1 }, { sparse: true });
}

/** The part of an update that appends events. */
export function appendEvents(events: Event[]): { $push: { pendingEvents: { $each: Event[] } }; outbox: true } {
  return { $push: { pendingEvents: { $each: events } }, outbox: true };
}

const BATCH = 200;
const POLL_MS = 1_000;

export interface OutboxRelay {
  /** Publishes what is pending, from now on. */
  start(): void;
  /** Says that something was just saved. */
  kick: () => void;
  stop(): Promise<void>;
}

/**
 * Publishes pending events, each aggregate's in order, and then takes them out. A crash in between publishes them again
 * under the same id; two relays over one collection do no harm. `onError` hears of failures, which are tried again.
 */
export function createOutboxRelay(options: {
  models: Model<never>[];
  bus: EventBus;
  onError: (error: unknown) => void;
}): OutboxRelay {
  const models = options.models as unknown as Model<Outbox & { _id: string }>[];
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = true;

  const relayAll = async () => {
    for (const model of models) await relayCollection(model, options.bus);
  };
  const run = () => {
    if (stopped) return;
    if (running) {
      again = true;
      return;
    }
    clearTimeout(timer);
    running = relayAll()
      .catch(options.onError)
      .finally(() => {
        running = undefined;
        if (stopped) return;
        if (again) {
          again = false;
          run();
        } else timer = setTimeout(run, POLL_MS);
      });
  };
  return {
    start() {
      stopped = false;
      run();
    },
    // Not in the context of the call that kicks: the relay outlives it.
    kick: AsyncResource.bind(run),
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

async function relayCollection(model: Model<Outbox & { _id: string }>, bus: EventBus): Promise<void> {
  for (;;) {
    const batch = await model.find({ outbox: true }).select('pendingEvents deleted').limit(BATCH).lean();
    await Promise.all(batch.map((aggregate) => relayAggregate(model, bus, aggregate as Outbox & { _id: string })));
    if (batch.length < BATCH) return;
  }
}

async function relayAggregate(
  model: Model<Outbox & { _id: string }>,
  bus: EventBus,
  aggregate: Outbox & { _id: string },
): Promise<void> {
  const events = aggregate.pendingEvents ?? [];
  for (const event of events) await bus.publish(event);
  // Only if nobody appended or removed meanwhile; else the next round takes them.
  const untouched = {
    _id: aggregate._id,
    pendingEvents: { $size: events.length },
    ...(events[0] && { 'pendingEvents.0.id': events[0].id }),
  };
  if (aggregate.deleted) await model.deleteOne(untouched);
  else {
    const { matchedCount } = await model.updateOne(untouched, { $unset: { pendingEvents: 1, outbox: 1 } });
    if (matchedCount === 0)
      await model.updateOne(
        { _id: aggregate._id },
        {
          $pull: { pendingEvents: { id: { $in: events.map((event) => event.id) } } },
        },
      );
  }
}
