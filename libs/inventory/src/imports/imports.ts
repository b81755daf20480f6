import { notFound, precondition, raise } from '@certferry/core';
import { listPage, type Database, type DatabaseFilter, type Page, type PageQuery } from '@certferry/database';
import { addOutbox, type Event, type Outbox } from '@certferry/events';
import mongoose, { type Model } from 'mongoose';
import type { Import, ImportStatus } from './import.ts';
import { ACTIVE, type ImportCounts, type ImportJob } from './import-job.ts';

/** What is stored of both: those of one request, with their items, and jobs. */
export type StoredImport = Import & ImportCounts & Partial<ImportJob> & Partial<Outbox>;

const schema = new mongoose.Schema<StoredImport>(
  {
    _id: { type: String, required: true },
    status: String,
    format: String,
    items: [Object],
    notices: [String],
    chains: { type: [Object], default: undefined },
    requestedBy: String,
    requestId: String,
    source: String,
    createdAt: Date,
    total: Number,
    done: Number,
    created: Number,
    updated: Number,
    unchanged: Number,
    failed: Number,
    passedOver: Number,
    bytes: Number,
    bytesDone: Number,
    itemsPerSecond: Number,
    completedAt: Date,
    problem: Object,
    kind: String,
    fileName: String,
    address: String,
    request: String,
    sealedPasswords: Buffer,
    profileId: String,
    profileName: String,
    archiveFormat: String,
    number: Number,
    generation: Number,
    dueAt: Date,
  },
  { versionKey: false, minimize: false },
);
schema.index({ createdAt: 1, _id: 1 });
schema.index({ status: 1, createdAt: 1, _id: 1 });
schema.index({ profileId: 1, createdAt: 1, _id: 1 });
schema.index({ dueAt: 1 }, { sparse: true });
addOutbox(schema);

const owned = ({ _id, generation }: ImportJob) => ({ _id, generation });
const isJob = (one: StoredImport): one is StoredImport & ImportJob => one.generation !== undefined;

/** The imports' collection. A lease of a job is its `dueAt` in the future. */
export class Imports {
  readonly #model: Model<StoredImport>;

  constructor(database: Database) {
    this.#model = database.model<StoredImport>('imports', schema);
  }

  get model(): Model<StoredImport> {
    return this.#model;
  }

  /** Keeps an import that was done by one request. */
  async save(one: Import & ImportCounts): Promise<void> {
    await this.#model.create(one);
  }

  async insert(job: ImportJob, event: Event): Promise<void> {
    await this.#model.create({ ...job, pendingEvents: [event], outbox: true });
  }

  async find(id: string): Promise<StoredImport | undefined> {
    return ((await this.#model.findById(id).lean()) as StoredImport | null) ?? undefined;
  }

  /** NOT_FOUND IMPORT_NOT_FOUND when there is none. */
  async get(id: string): Promise<StoredImport> {
    return (await this.find(id)) ?? raise(notFound('import', id));
  }

  /** NOT_FOUND BULK_IMPORT_NOT_FOUND when there is none that came in by a profile. */
  async getBulk(id: string): Promise<ImportJob> {
    const found = await this.find(id);
    return found && isJob(found) && found.profileId !== undefined ? found : raise(notFound('bulk import', id));
  }

  /** Newest first, without what grows with the container. */
  async list(filter: DatabaseFilter[], page: PageQuery): Promise<Page<StoredImport>> {
    const sort = { name: '-createdAt', path: 'createdAt', direction: -1 } as const;
    return await listPage(this.#model, { filter, sort, without: ['items', 'chains'] }, page);
  }

  /** Those that came in by a profile. */
  async listBulk(filter: DatabaseFilter[], page: PageQuery): Promise<Page<ImportJob>> {
    const { items, ...rest } = await this.list(filter, page);
    return { ...rest, items: items.filter(isJob) };
  }

  async hasActive(profileId: string): Promise<boolean> {
    return (await this.#model.exists({ profileId, status: { $in: ACTIVE } })) !== null;
  }

  /** Which of these have not ended. */
  async activeOf(ids: string[]): Promise<string[]> {
    return await this.#model.distinct('_id', { _id: { $in: ids }, status: { $in: ACTIVE } });
  }

  /** Jobs that wait, the longest first. */
  async due({ now, excluding, limit }: { now: Date; excluding: string[]; limit: number }): Promise<string[]> {
    const found = await this.#model
      .find({ dueAt: { $lte: now }, status: { $ne: 'paused' }, _id: { $nin: excluding } })
      .select('_id')
      .sort({ dueAt: 1 })
      .limit(limit)
      .lean();
    return found.map(({ _id }) => _id);
  }

  /** Takes a job that is due; undefined when another process was faster, or it is not to go on. */
  async lease(id: string, { now, until }: { now: Date; until: Date }): Promise<ImportJob | undefined> {
    const one = await this.find(id);
    if (!one || !isJob(one) || !one.dueAt || one.dueAt > now) return undefined;
    const taken = { generation: one.generation + 1, dueAt: until, status: 'running' } as const;
    const { matchedCount } = await this.#model.updateOne(
      { _id: id, generation: one.generation, status: { $in: ['queued', 'running'] } },
      { $set: taken },
    );
    return matchedCount === 1 ? { ...one, ...taken } : undefined;
  }

  /** Moves the end of a lease, or ends it now; false when the job has ended or is somebody else's. */
  async leaseUntil(job: ImportJob, until: Date): Promise<boolean> {
    const { matchedCount } = await this.#model.updateOne(
      { ...owned(job), dueAt: { $exists: true } },
      { $set: { dueAt: until } },
    );
    return matchedCount === 1;
  }

  /** Keeps how far a job is, if it is still this worker's; answers it as it stands now: it may be paused or cancelled. */
  async saveProgress(job: ImportJob, progress: Partial<ImportJob>): Promise<ImportJob | undefined> {
    const after = await this.#model
      .findOneAndUpdate(owned(job), { $set: progress }, { returnDocument: 'after' })
      .lean();
    return after ? (after as StoredImport as ImportJob) : undefined;
  }

  /** Keeps its end and the event that tells of it, if it still runs and is this worker's; false when not. */
  async saveEnd(job: ImportJob, end: Partial<ImportJob>, event: Event): Promise<boolean> {
    const { matchedCount } = await this.#model.updateOne(
      { ...owned(job), status: { $in: ['running', 'queued'] } },
      ending(end, event),
    );
    return matchedCount === 1;
  }

  /** Changes the status of a job that has one of `from`; false when it has another. */
  async setStatus(id: string, from: ImportStatus[], to: 'paused' | 'queued'): Promise<boolean> {
    const filter = { _id: id, generation: { $exists: true }, status: { $in: from } };
    return (await this.#model.updateOne(filter, { $set: { status: to } })).matchedCount === 1;
  }

  /** Ends a job that has not ended, whoever works on it; false when it has. */
  async cancel(job: ImportJob, end: Partial<ImportJob>, event: Event): Promise<boolean> {
    const { matchedCount } = await this.#model.updateOne(
      { _id: job._id, status: { $in: ACTIVE } },
      ending({ ...end, status: 'cancelled' }, event),
    );
    return matchedCount === 1;
  }

  /** The job with this id. NOT_FOUND; FAILED_PRECONDITION IMPORT_HAS_ENDED for an import of one request. */
  async getJob(id: string): Promise<ImportJob> {
    const found = await this.get(id);
    return isJob(found) ? found : raise(hasEnded(found));
  }

  /** Frees what was leased before this start: only when no other process can be working. */
  async freeLeased(now: Date): Promise<void> {
    await this.#model.updateMany({ dueAt: { $gt: now } }, { $set: { dueAt: now } });
  }
}

const ending = (end: Partial<ImportJob>, event: Event) => ({
  $set: { ...end, outbox: true },
  $unset: { dueAt: 1, sealedPasswords: 1, itemsPerSecond: 1 },
  $push: { pendingEvents: event },
});

export const hasEnded = ({ status }: Pick<Import, 'status'>) =>
  precondition('IMPORT_HAS_ENDED', `The import has ended: it is ${status}.`, { status });
