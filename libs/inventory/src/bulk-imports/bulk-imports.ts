import { notFound, raise } from '@certferry/core';
import { listPage, type Database, type Page, type PageQuery } from '@certferry/database';
import { addOutbox, type Event, type Outbox } from '@certferry/events';
import mongoose, { type Model } from 'mongoose';
import type { BulkImport } from './bulk-import.ts';

type StoredBulkImport = BulkImport & Outbox;

const schema = new mongoose.Schema<StoredBulkImport>(
  {
    _id: String,
    number: Number,
    profileId: String,
    profileName: String,
    fileName: String,
    format: String,
    size: Number,
    address: String,
    caller: String,
    requestId: String,
    status: String,
    total: Number,
    processed: Number,
    failed: Number,
    failures: { type: [Object], default: undefined },
    generation: Number,
    dueAt: Date,
    createdAt: Date,
    completedAt: Date,
  },
  { versionKey: false, minimize: false },
);
schema.index({ dueAt: 1 }, { sparse: true });
schema.index({ createdAt: 1, _id: 1 });
schema.index({ profileId: 1, createdAt: 1, _id: 1 });
addOutbox(schema);

const owned = ({ _id, generation }: BulkImport) => ({ _id, generation });

/** The bulk imports' collection: a lease of an import is its `dueAt` in the future. */
export class BulkImports {
  readonly #model: Model<StoredBulkImport>;

  constructor(database: Database) {
    this.#model = database.model<StoredBulkImport>('bulk_imports', schema);
  }

  get model(): Model<StoredBulkImport> {
    return this.#model;
  }

  async insert(one: BulkImport, event: Event): Promise<void> {
    await this.#model.create({ ...one, pendingEvents: [event], outbox: true });
  }

  async find(id: string): Promise<BulkImport | undefined> {
    return ((await this.#model.findById(id).lean()) as BulkImport | null) ?? undefined;
  }

  /** NOT_FOUND BULK_IMPORT_NOT_FOUND when there is none. */
  async get(id: string): Promise<BulkImport> {
    return (await this.find(id)) ?? raise(notFound('bulk import', id));
  }

  /** Newest first. */
  async list(of: { profileId: string; status: string }, page: PageQuery): Promise<Page<BulkImport>> {
    const filter = Object.entries(of).flatMap(([key, value]) => (value ? [{ [key]: value }] : []));
    return await listPage(
      this.#model,
      { filter, sort: { name: '-createdAt', path: 'createdAt', direction: -1 } },
      page,
    );
  }

  async hasPending(profileId: string): Promise<boolean> {
    return (await this.#model.exists({ profileId, status: 'pending' })) !== null;
  }

  /** Which of these have not ended. */
  async pendingOf(ids: string[]): Promise<string[]> {
    return await this.#model.distinct('_id', { _id: { $in: ids }, status: 'pending' });
  }

  /** Imports that wait, the longest first. */
  async due({ now, excluding, limit }: { now: Date; excluding: string[]; limit: number }): Promise<string[]> {
    const found = await this.#model
      .find({ dueAt: { $lte: now }, _id: { $nin: excluding } })
      .select('_id')
      .sort({ dueAt: 1 })
      .limit(limit)
      .lean();
    return found.map(({ _id }) => _id);
  }

  /** Takes an import that is due; undefined when another process was faster. */
  async lease(id: string, { now, until }: { now: Date; until: Date }): Promise<BulkImport | undefined> {
    const one = await this.find(id);
    if (!one?.dueAt || one.dueAt > now) return undefined;
    const taken = { generation: one.generation + 1, dueAt: until };
    const { matchedCount } = await this.#model.updateOne({ _id: id, generation: one.generation }, { $set: taken });
    return matchedCount === 1 ? { ...one, ...taken } : undefined;
  }

  /** Moves the end of a lease, or ends it now; false when the import has ended or is somebody else's. */
  async leaseUntil({ _id, generation }: BulkImport, until: Date): Promise<boolean> {
    const { matchedCount } = await this.#model.updateOne(
      { _id, generation, dueAt: { $exists: true } },
      { $set: { dueAt: until } },
    );
    return matchedCount === 1;
  }

  /** Keeps how far an import is, if it is still this worker's; undefined when it is not. */
  async saveProgress(one: BulkImport, progress: Partial<BulkImport>): Promise<BulkImport | undefined> {
    const { matchedCount } = await this.#model.updateOne(owned(one), { $set: progress });
    return matchedCount === 1 ? { ...one, ...progress } : undefined;
  }

  /** Keeps its end and the event that tells of it, if it is still this worker's; false when it is not. */
  async saveEnd(one: BulkImport, end: Partial<BulkImport>, event: Event): Promise<boolean> {
    const { matchedCount } = await this.#model.updateOne(owned(one), {
      $set: { ...end, outbox: true },
      $unset: { dueAt: 1 },
      $push: { pendingEvents: event },
    });
    return matchedCount === 1;
  }

  /** Frees what was leased before this start: only when no other process can be working. */
  async freeLeased(now: Date): Promise<void> {
    await this.#model.updateMany({ dueAt: { $gt: now } }, { $set: { dueAt: now } });
  }
}
