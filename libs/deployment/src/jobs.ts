import {
  isDuplicateKey,
  listPage,
  type Database,
  type DatabaseFilter,
  type Page,
  type PageQuery,
} from '@certferry/database';
import { addOutbox } from '@certferry/events';
import mongoose, { type Model } from 'mongoose';
import { FINAL, statusEvent, stepUpdate, type Job, type JobState, type Transition } from './job.ts';

const schema = new mongoose.Schema<Job>(
  {
    _id: { type: String, required: true },
    requestKey: String,
    storeId: String,
    certificateId: String,
    fingerprintSha256: String,
    action: String,
    alias: String,
    overwrite: Boolean,
    includePrivateKey: Boolean,
    state: String,
    status: String,
    generation: Number,
    attempts: Number,
    dueAt: Date,
    intent: Object,
    changes: { type: [Object], default: undefined },
    error: Object,
    timeline: { type: [Object], default: undefined },
    sequence: Number,
    number: Number,
    thumbprint: String,
    recurrence: Object,
    repeats: Boolean,
    previousJobId: String,
    requestedBy: String,
    requestId: String,
    createdAt: Date,
    updatedAt: Date,
  },
  { versionKey: false, minimize: false },
);
schema.index({ requestKey: 1 }, { unique: true, sparse: true });
schema.index({ dueAt: 1 }, { sparse: true });
schema.index({ createdAt: 1, _id: 1 });
schema.index({ storeId: 1, createdAt: 1, _id: 1 });
schema.index({ certificateId: 1, createdAt: 1, _id: 1 });
schema.index({ status: 1, createdAt: 1, _id: 1 });
schema.index({ number: 1 }, { unique: true, sparse: true });
schema.index({ repeats: 1 }, { sparse: true });
addOutbox(schema as never);

/** The jobs' collection. Every step is one conditional update on id, generation and state. */
export class Jobs {
  readonly #model: Model<Job>;

  constructor(database: Database) {
    this.#model = database.model<Job>('jobs', schema);
  }

  get model(): Model<Job> {
    return this.#model;
  }

  /** Inserts a job with its first event; answers the one that is there when its request key is. */
  async insert(job: Job): Promise<Job> {
    try {
      await this.#model.create({ ...job, pendingEvents: [statusEvent(job, job.createdAt)], outbox: true });
      return job;
    } catch (error) {
      if (!isDuplicateKey(error) || job.requestKey === undefined) throw error;
      return (await this.#model.findOne({ requestKey: job.requestKey }).lean()) as unknown as Job;
    }
  }

  async find(id: string): Promise<Job | undefined> {
    return ((await this.#model.findById(id).lean()) as unknown as Job | null) ?? undefined;
  }

  /** Makes one step; undefined when the job is no longer where it was, because somebody else has it. */
  async step(job: Job, to: Transition): Promise<Job | undefined> {
    const { update, next } = stepUpdate(job, to);
    const { matchedCount } = await this.#model.updateOne(
      { _id: job._id, generation: job.generation, state: job.state },
      update,
    );
    return matchedCount === 1 ? next : undefined;
  }

  /** Jobs that somebody may take now, longest waiting first. */
  async due(now: Date, limit: number): Promise<Job[]> {
    return await this.#model
      .find({ dueAt: { $lte: now } })
      .sort({ dueAt: 1 })
      .limit(limit)
      .lean();
  }

  /** Keeps a lease alive; false when it is lost. */
  async extend(job: Job, until: Date): Promise<boolean> {
    const { matchedCount } = await this.#model.updateOne(
      { _id: job._id, generation: job.generation },
      { $set: { dueAt: until } },
    );
    return matchedCount === 1;
  }

  /** Frees what was leased before this start: only when no other process can be working. */
  async freeLeased(now: Date): Promise<void> {
    const leased: JobState[] = ['leased', 'intent', 'written', 'verified'];
    await this.#model.updateMany({ state: { $in: leased }, dueAt: { $gt: now } } as never, { $set: { dueAt: now } });
  }

  /** Whether a later job for the same place has already succeeded. */
  async isSuperseded(job: Job): Promise<boolean> {
    const later = await this.#model
      .findOne({
        storeId: job.storeId,
        createdAt: { $gte: job.createdAt },
        alias: job.alias,
        state: 'done',
        _id: { $gt: job._id },
      })
      .lean();
    return later !== null;
  }

  async hasUnfinished(storeId: string): Promise<boolean> {
    return (await this.#model.exists({ storeId, state: { $nin: [...FINAL] } } as never)) !== null;
  }

  /** Newest first, unless `ascending`. */
  async list({
    filter,
    ascending,
    ...page
  }: PageQuery & { filter: DatabaseFilter[]; ascending: boolean }): Promise<Page<Job>> {
    const sort = {
      name: ascending ? 'createdAt' : '-createdAt',
      path: 'createdAt',
      direction: ascending ? 1 : -1,
    } as const;
    return await listPage(this.#model, { filter, sort }, page);
  }

  /** Recurring jobs that have ended and are not followed by the next one yet. */
  async ended(limit: number): Promise<Job[]> {
    return await this.#model
      .find({ repeats: true, state: { $in: [...FINAL] } } as never)
      .limit(limit)
      .lean();
  }

  /** Says that the next job of a recurrence is there. */
  async followed(job: Job): Promise<void> {
    await this.#model.updateOne({ _id: job._id }, { $unset: { repeats: 1 } });
  }
}
