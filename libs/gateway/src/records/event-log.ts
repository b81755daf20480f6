import { EventEmitter } from 'node:events';
import type { Database } from '@certferry/database';
import type { Event } from '@certferry/events';
import mongoose, { type Model } from 'mongoose';
import { SequencedLog, type Sequenced } from './sequenced-log.ts';

export interface LoggedEvent extends Sequenced {
  seq: number;
  eventId: string;
  type: string;
  event: Event;
}

const schema = new mongoose.Schema<LoggedEvent>(
  { _id: Number, seq: Number, eventId: String, type: String, event: Object },
  { versionKey: false, minimize: false },
);
schema.index({ seq: 1 }, { unique: true });
schema.index({ eventId: 1 });

/** How many events can be resumed from. */
const KEPT = 100_000;

/** What was published, in one order, so that a listener can go on where it was. */
export class EventLog {
  readonly #model: Model<LoggedEvent>;
  readonly #log: SequencedLog<LoggedEvent>;
  readonly #added = new EventEmitter().setMaxListeners(0);

  constructor(database: Database) {
    this.#model = database.model<LoggedEvent>('events', schema);
    this.#log = new SequencedLog(this.#model, (entry, previous) => {
      const seq = (previous?.seq ?? 0) + 1;
      return { ...(entry as LoggedEvent), _id: seq, seq };
    });
  }

  /** Keeps an event; one that is there already is kept once. */
  async add(event: Event): Promise<void> {
    if (await this.#model.exists({ eventId: event.id })) return;
    await this.#log.append({ seq: 0, eventId: event.id, type: event.type, event });
    this.#added.emit('added');
  }

  async last(): Promise<number> {
    return (await this.#log.last())?.seq ?? 0;
  }

  /** The number of an event; undefined when it is not kept (any more). */
  async find(eventId: string): Promise<number | undefined> {
    return (await this.#model.findOne({ eventId }).lean())?.seq;
  }

  async after(seq: number, limit: number): Promise<LoggedEvent[]> {
    return await this.#model
      .find({ seq: { $gt: seq } })
      .sort({ seq: 1 })
      .limit(limit)
      .lean();
  }

  /** Resolves when an event was added here, or after `milliseconds`: another process may have added one. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#added.off('added', done);
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      this.#added.once('added', done);
      signal.addEventListener('abort', done);
    });
  }

  async prune(): Promise<void> {
    await this.#model.deleteMany({ seq: { $lte: (await this.last()) - KEPT } });
  }
}
