import { createHmac } from 'node:crypto';
import type { Clock } from '@certferry/core';
import { isDuplicateKey, type Database } from '@certferry/database';
import mongoose, { type Model } from 'mongoose';
import { HttpError } from '../problem.ts';

export interface KeptAnswer {
  status: number;
  body: string;
  /** Where what was made is (RFC 9110 section 10.2.2). */
  location?: string;
}

interface IdempotentCall {
  _id: string;
  /** HMAC of method, path and body: bodies carry passwords. */
  fingerprint: string;
  /** Absent while the call runs. */
  answer?: KeptAnswer;
  /** While the call runs: when another may take it over. */
  until: Date;
  createdAt: Date;
}

const schema = new mongoose.Schema<IdempotentCall>(
  { _id: String, fingerprint: String, answer: Object, until: Date, createdAt: Date },
  { versionKey: false },
);
schema.index({ createdAt: 1 });

const RUNNING_MS = 60_000;
const KEPT_MS = 24 * 3_600_000;

/** Answers the second of two calls with the same Idempotency-Key as the first, for 24 hours. */
export class Idempotency {
  readonly #model: Model<IdempotentCall>;
  readonly #clock: Clock;
  readonly #key: Uint8Array;

  constructor(database: Database, options: { clock: Clock; key: Uint8Array }) {
    this.#model = database.model<IdempotentCall>('idempotent_calls', schema);
    this.#clock = options.clock;
    this.#key = options.key;
  }

  fingerprint(parts: (string | Uint8Array)[]): string {
    const hmac = createHmac('sha256', this.#key);
    for (const part of parts) hmac.update(`${part.length}:`).update(part);
    return hmac.digest('hex');
  }

  /**
   * The answer of the call that had the key, or undefined: make the call.
   * HttpError 422 for the key of another call, 409 while the first one runs.
   */
  async begin(id: string, fingerprint: string): Promise<KeptAnswer | undefined> {
    const now = this.#clock.now();
    const until = new Date(now.getTime() + RUNNING_MS);
    try {
      await this.#model.create({ _id: id, fingerprint, until, createdAt: now });
      return undefined;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
    const call = (await this.#model.findById(id).lean()) as IdempotentCall | null;
    if (!call) return await this.begin(id, fingerprint);
    if (call.fingerprint !== fingerprint)
      throw new HttpError(
        422,
        'IDEMPOTENCY_KEY_REUSED',
        'This Idempotency-Key was used for another call; use a new one.',
      );
    if (call.answer) return call.answer;
    const { matchedCount } = await this.#model.updateOne(
      { _id: id, answer: { $exists: false }, until: { $lte: now } },
      { $set: { until } },
    );
    if (matchedCount === 1) return undefined;
    throw new HttpError(
      409,
      'IDEMPOTENCY_IN_PROGRESS',
      'The call with this Idempotency-Key is still running; ask again in a moment.',
    );
  }

  /** Keeps the answer; a call that failed on our side may be made again. */
  async end(id: string, answer: KeptAnswer): Promise<void> {
    if (answer.status >= 500) await this.#model.deleteOne({ _id: id });
    else await this.#model.updateOne({ _id: id }, { $set: { answer } });
  }

  /** Frees what ran when the process ended: only when no other process can be running it. */
  async freeRunning(): Promise<void> {
    await this.#model.updateMany({ answer: { $exists: false } }, { $set: { until: new Date(0) } });
  }

  async prune(): Promise<void> {
    await this.#model.deleteMany({ createdAt: { $lt: new Date(this.#clock.now().getTime() - KEPT_MS) } });
  }
}
