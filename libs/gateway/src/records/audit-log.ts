import { createHmac } from 'node:crypto';
import type { Database } from '@certferry/database';
import mongoose, { type Model } from 'mongoose';
import { SequencedLog, type Sequenced } from './sequenced-log.ts';

export interface Outcome {
  /** HTTP's number for how the call ended. */
  status: number;
  /** UPPER_SNAKE; empty for what succeeded. */
  reason: string;
}

/**
 * One mutating call, recorded before it is made; or, as a record of its own with the same request id, how it ended. A call
 * without an outcome: the process ended while it ran.
 */
export interface AuditRecord extends Sequenced {
  seq: number;
  at: Date;
  /** Id of the API key. */
  caller: string;
  /** "POST /v1/imports". */
  action: string;
  /** Ids in the path. */
  target: string;
  requestId: string;
  address: string;
  /** The user name that came with the key. */
  user?: string;
  /** What the caller said the change is for. */
  reason?: string;
  /** Only of the record of an outcome, whose action, target and address are empty. */
  outcome?: Outcome;
  /** HMAC-SHA-256 over this record and the one before. */
  hmac: string;
}

const schema = new mongoose.Schema<AuditRecord>(
  {
    _id: Number,
    seq: Number,
    at: Date,
    caller: String,
    action: String,
    target: String,
    requestId: String,
    address: String,
    user: String,
    reason: String,
    outcome: Object,
    hmac: String,
  },
  { versionKey: false },
);
schema.index({ seq: 1 }, { unique: true });
schema.index({ requestId: 1 });

/** Append-only, each record chained to the one before by an HMAC whose key is not in the database. */
export class AuditLog {
  readonly #model: Model<AuditRecord>;
  readonly #log: SequencedLog<AuditRecord>;
  readonly #key: Uint8Array;

  constructor(database: Database, key: Uint8Array) {
    this.#key = key;
    this.#model = database.model<AuditRecord>('audit', schema);
    this.#log = new SequencedLog(this.#model, (entry, previous) => {
      const seq = (previous?.seq ?? 0) + 1;
      const record = { ...(entry as AuditRecord), _id: seq, seq };
      return { ...record, hmac: this.#hmac(record, previous?.hmac ?? '') };
    });
  }

  /** A call whose record cannot be written must not be made. */
  async record(entry: Omit<AuditRecord, '_id' | 'seq' | 'outcome' | 'hmac'>): Promise<void> {
    await this.#log.append({ ...entry, seq: 0, hmac: '' });
  }

  /** How a recorded call ended: a record of its own, so that none is ever changed. */
  async recordOutcome(entry: Pick<AuditRecord, 'at' | 'caller' | 'requestId'> & { outcome: Outcome }): Promise<void> {
    await this.#log.append({ ...entry, action: '', target: '', address: '', seq: 0, hmac: '' });
  }

  #hmac(record: AuditRecord, previous: string): string {
    const { seq, at, caller, action, target, requestId, address, user, reason, outcome } = record;
    const parts: unknown[] = [previous, seq, at.toISOString(), caller, action, target, requestId, address];
    // What a record does not have is left out: records from before these fields verify as they did.
    if (user !== undefined || reason !== undefined) parts.push(user ?? '', reason ?? '');
    if (outcome) parts.push({ status: outcome.status, reason: outcome.reason });
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('hex');
  }

  /** Calls, newest first, each with its outcome if it has one. */
  async list(limit: number, before: number | undefined): Promise<AuditRecord[]> {
    const calls = (await this.#model
      .find({ outcome: { $exists: false }, ...(before !== undefined && { seq: { $lt: before } }) })
      .sort({ seq: -1 })
      .limit(limit)
      .lean()) as AuditRecord[];
    const requestId = { $in: calls.map((call) => call.requestId) };
    const ended = (await this.#model.find({ requestId, outcome: { $exists: true } }).lean()) as AuditRecord[];
    const outcomes = new Map(ended.map((record) => [record.requestId, record.outcome]));
    return calls.map((call) => ({ ...call, outcome: outcomes.get(call.requestId) }));
  }

  /** Walks the chain from its start; `broken` is the first record that was changed, removed or put in. */
  async verify(): Promise<{ records: number; broken?: number }> {
    let previous = '';
    for (let from = 0; ;) {
      const page = (await this.#model
        .find({ seq: { $gt: from } })
        .sort({ seq: 1 })
        .limit(1_000)
        .lean()) as AuditRecord[];
      for (const record of page) {
        if (record.seq !== from + 1 || record.hmac !== this.#hmac(record, previous))
          return { records: from, broken: from + 1 };
        from = record.seq;
        previous = record.hmac;
      }
      if (page.length < 1_000) return { records: from };
    }
  }
}
