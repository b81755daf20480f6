import mongoose, { type Model } from 'mongoose';
import type { Database } from './database.ts';
import { isDuplicateKey } from './database.ts';

interface Counter {
  _id: string;
  last: number;
}

const schema = new mongoose.Schema<Counter>({ _id: String, last: Number }, { versionKey: false });

/** Numbers taken from the database at a time: a crash leaves a gap, never the same number twice. */
const BLOCK = 100;

/** Small numbers beside our ids, rising and never used twice, for callers whose fields are integers. */
export class Numbers {
  readonly #model: Model<Counter>;
  readonly #name: string;
  #next = 0;
  #left = 0;
  #taking: Promise<void> | undefined;

  constructor(database: Database, name: string) {
    this.#model = database.model<Counter>('numbers', schema);
    this.#name = name;
  }

  async next(): Promise<number> {
    while (this.#left === 0) {
      this.#taking ??= this.#take().finally(() => (this.#taking = undefined));
      await this.#taking;
    }
    this.#left--;
    return this.#next++;
  }

  async #take(): Promise<void> {
    for (;;) {
      try {
        const counter = await this.#model
          .findOneAndUpdate({ _id: this.#name }, { $inc: { last: BLOCK } }, { upsert: true, returnDocument: 'after' })
          .lean();
        this.#next = counter.last - BLOCK + 1;
        this.#left = BLOCK;
        return;
      } catch (error) {
        // Two processes made the first counter at once: one of them looks again.
        if (!isDuplicateKey(error)) throw error;
      }
    }
  }
}
