import { isDuplicateKey } from '@certferry/database';
import type { Model } from 'mongoose';

/** A record of a log without a gap: its number is its id, and the next one is only written when all before it are there. */
export interface Sequenced {
  _id: number;
}

interface Waiting<T> {
  entry: T;
  resolve: () => void;
  reject: (error: unknown) => void;
}

/**
 * Appends to a collection in a gap-free sequence, also when several processes append. What is appended in one turn is
 * written as one batch. `seal` completes a record from the one before it.
 */
export class SequencedLog<T extends Sequenced> {
  readonly #model: Model<T>;
  readonly #seal: (entry: Omit<T, '_id'>, previous: T | undefined) => T;
  #last: T | undefined;
  #loaded = false;
  #waiting: Waiting<Omit<T, '_id'>>[] = [];
  #flushing = false;

  constructor(model: Model<T>, seal: (entry: Omit<T, '_id'>, previous: T | undefined) => T) {
    this.#model = model;
    this.#seal = seal;
  }

  /** Resolves when the record is kept. */
  append(entry: Omit<T, '_id'>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ entry, resolve, reject });
      if (!this.#flushing) {
        this.#flushing = true;
        setImmediate(() => void this.#flush());
      }
    });
  }

  async #flush(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, 500);
      try {
        await this.#write(batch);
      } catch (error) {
        this.#loaded = false;
        for (const { reject } of batch) reject(error);
      }
    }
    this.#flushing = false;
  }

  async #write(batch: Waiting<Omit<T, '_id'>>[]): Promise<void> {
    for (;;) {
      if (!this.#loaded) this.#last = await this.last();
      this.#loaded = true;
      const records: T[] = [];
      for (const { entry } of batch) records.push(this.#seal(entry, records.at(-1) ?? this.#last));
      try {
        // One atomic write on the embedded database; elsewhere the first number that is taken stops the batch.
        await this.#model.insertMany(records, { ordered: true });
        this.#last = records.at(-1);
        for (const { resolve } of batch) resolve();
        return;
      } catch (error) {
        if (!isDuplicateKey(error)) throw error;
        this.#loaded = false;
        const written = (error as { result?: { insertedCount?: number } }).result?.insertedCount ?? 0;
        for (const { resolve } of batch.splice(0, written)) resolve();
        if (batch.length === 0) return;
      }
    }
  }

  async last(): Promise<T | undefined> {
    return ((await this.#model.findOne().sort({ seq: -1 }).lean()) as T | null) ?? undefined;
  }
}
