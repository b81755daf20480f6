import { Loop } from '@certferry/work';
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
export function addOutbox<T extends Outbox>(schema: Schema<T>): void {
  // What they are in T is said by Outbox; mongoose cannot see that of a T that is not known yet.
  const fields = schema as unknown as Schema<Outbox>;
  fields.add({
    pendingEvents: { type: [Object], default: undefined },
    outbox: { type: Boolean, default: undefined },
    deleted: { type: Boolean, default: undefined },
  });
  fields.index({ outbox: 1 }, { sparse: true });
}

/** A collection of aggregates, as the relay sees it. */
export type OutboxModel = Model<Outbox & { _id: string }>;

/** The outbox of a collection whose schema has `addOutbox`. */
export function outboxOf<T extends Outbox & { _id: string }>(model: Model<T>): OutboxModel {
  // A model of any aggregate is one of its outbox fields, which mongoose's invariant types cannot say.
  return model as unknown as OutboxModel;
}

const BATCH = 200;

/**
 * The loop that publishes pending events, each aggregate's in order, and then takes them out; kick it when something
 * was saved. A crash in between publishes them again under the same id; two relays over one collection do no harm.
 * `onError` hears of failures, which are tried again.
 */
export function createOutboxRelay(options: {
  outboxes: OutboxModel[];
  bus: EventBus;
  onError: (error: unknown) => void;
}): Loop {
  const round = async () => {
    const rounds: Batch[] = [];
    for (const model of options.outboxes) rounds.push(await relayBatch(model, options.bus));
    const errors = rounds.flatMap((batch) => batch.errors);
    // Backing off is for when nothing gets out; one aggregate that cannot be published must not slow the others down.
    if (errors.length > 0 && rounds.every((batch) => batch.errors.length === batch.size)) throw errors[0];
    if (errors.length > 0) options.onError(errors[0]);
    return rounds.some((batch) => batch.size === BATCH && batch.errors.length < BATCH) ? 0 : undefined;
  };
  return new Loop({ round, onError: options.onError });
}

interface Batch {
  size: number;
  errors: unknown[];
}

async function relayBatch(model: OutboxModel, bus: EventBus): Promise<Batch> {
  const batch = await model.find({ outbox: true }).select('pendingEvents deleted').limit(BATCH).lean();
  // All are waited for even when one fails: the next round must not publish beside what is left of this one.
  const results = await Promise.allSettled(
    batch.map((aggregate) => relayAggregate(model, bus, aggregate as Outbox & { _id: string })),
  );
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  return { size: batch.length, errors };
}

async function relayAggregate(model: OutboxModel, bus: EventBus, aggregate: Outbox & { _id: string }): Promise<void> {
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
