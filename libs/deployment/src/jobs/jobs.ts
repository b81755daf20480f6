import {
  escapeExpression,
  isDuplicateKey,
  listPage,
  type Database,
  type DatabaseFilter,
  type Page,
  type PageQuery,
} from '@certferry/database';
import { addOutbox } from '@certferry/events';
import mongoose, { type Model } from 'mongoose';
import { decidesAt, overtakes } from './overtakes.ts';
import type { PlacingJob } from '../places/store-content.ts';
import { JobWatch } from './job-watch.ts';
import { FINAL, isFinal, LEASED, makeStep, MAX_TIMELINE, statusEvent, type Job, type Transition } from './job.ts';

const schema = new mongoose.Schema<Job>(
  {
    _id: { type: String, required: true },
    requestKey: String,
    storeId: String,
    storeKind: String,
    certificateId: String,
    fingerprintSha256: String,
    action: String,
    alias: String,
    aliasIsDefault: Boolean,
    overwrite: Boolean,
    includePrivateKey: Boolean,
    state: String,
    status: String,
    generation: Number,
    attempts: Number,
    decidesAt: Date,
    dueAt: Date,
    intent: Object,
    changes: { type: [Object], default: undefined },
    restores: Object,
    hookRuns: { type: [Object], default: undefined },
    hooksDue: Boolean,
    rolledBack: Object,
    error: Object,
    look: { type: [Object], default: undefined },
    timeline: { type: [Object], default: undefined },
    sequence: Number,
    number: Number,
    thumbprint: String,
    allowKeyRemoval: Boolean,
    forced: Boolean,
    findings: { type: [Object], default: undefined },
    recurrence: Object,
    repeats: Boolean,
    previousJobId: String,
    requestedBy: String,
    requestId: String,
    replaces: Object,
    createdAt: Date,
    updatedAt: Date,
  },
  { versionKey: false, minimize: false },
);
schema.index({ requestKey: 1 }, { unique: true, sparse: true });
schema.index({ dueAt: 1 }, { sparse: true });
schema.index({ storeId: 1, dueAt: 1 });
schema.index({ state: 1, storeId: 1 });
schema.index({ createdAt: 1, _id: 1 });
schema.index({ storeId: 1, createdAt: 1, _id: 1 });
schema.index({ storeId: 1, decidesAt: 1 });
schema.index({ certificateId: 1, createdAt: 1, _id: 1 });
schema.index({ status: 1, createdAt: 1, _id: 1 });
schema.index({ number: 1 }, { unique: true, sparse: true });
schema.index({ repeats: 1 }, { sparse: true });
addOutbox(schema);

const MOST_LATEST = 10_000;

/** Began to write and has not ended: whatever its store holds by now, no other job of the store goes before it. */
const interrupted: DatabaseFilter = {
  state: { $in: [...LEASED, 'retry'] },
  'intent.newDigest': { $exists: true },
};

/** What waits at one moment. */
export interface Waiting {
  /** Jobs that somebody may take. */
  due: number;
  /** Jobs whose time, or whose next try, is still to come. */
  planned: number;
  /** For how long the first of those that are due has been; 0 for none. */
  oldestSeconds: number;
}

/**
 * The jobs' collection. Every step is one conditional update on id, generation and state, and on the sequence: a job
 * that was cancelled and retried by hand meanwhile is in the same state of the same generation, but has told of more.
 */
export class Jobs {
  readonly #model: Model<Job>;
  /** Hears of every step that this process makes. */
  readonly watch = new JobWatch();
  /** Told of every job that this process ends, once. */
  onEnd: (job: Job) => void = () => undefined;

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
      const present = await this.#one({ requestKey: job.requestKey });
      // Else it was another unique member that is taken.
      if (!present) throw error;
      return present;
    }
  }

  /** Those of a request whose request keys begin so. */
  async withRequestKey(beginning: string): Promise<Job[]> {
    return await this.#model.find({ requestKey: new RegExp(`^${escapeExpression(beginning)}`) }).lean();
  }

  /** Of these request keys those that jobs have. */
  async takenKeys(keys: string[]): Promise<string[]> {
    const found = await this.#model
      .find({ requestKey: { $in: keys } })
      .select('requestKey')
      .lean();
    return found.map(({ requestKey }) => requestKey!);
  }

  /** Of these certificates, the newest first. */
  async latestOf(certificateIds: string[]): Promise<Job[]> {
    return await this.#model
      .find({ certificateId: { $in: certificateIds } })
      .sort({ createdAt: -1, _id: -1 })
      .limit(MOST_LATEST)
      .lean();
  }

  async find(id: string): Promise<Job | undefined> {
    return await this.#one({ _id: id });
  }

  /** Makes one step; undefined when the job is no longer where it was, because somebody else has it. */
  async step(job: Job, to: Transition): Promise<Job | undefined> {
    const { next, unset, entry, event } = makeStep(job, to);
    const { state, status, sequence, updatedAt } = next;
    const $set: Record<string, unknown> = {
      ...to.set,
      state,
      status,
      sequence,
      updatedAt,
      ...(event && { outbox: true }),
    };
    for (const member of unset) delete $set[member];
    const { matchedCount } = await this.#model.updateOne(
      { _id: job._id, generation: job.generation, state: job.state, sequence: job.sequence },
      {
        $set,
        ...(unset.length > 0 && { $unset: Object.fromEntries(unset.map((member) => [member, 1])) }),
        $push: {
          timeline: { $each: [entry], $slice: -MAX_TIMELINE },
          ...(event && { pendingEvents: event }),
        },
      },
    );
    if (matchedCount !== 1) return undefined;
    this.watch.changed(job._id);
    if (isFinal(next)) this.onEnd(next);
    return next;
  }

  /** Stores with jobs that somebody may take now, the longest waiting first; a store comes as often as it has jobs. */
  async dueStores(look: { now: Date; excluding: string[]; limit: number }): Promise<string[]> {
    const found = await this.#model
      .find({ dueAt: { $lte: look.now }, ...(look.excluding.length > 0 && { storeId: { $nin: look.excluding } }) })
      .sort({ dueAt: 1 })
      .limit(look.limit)
      .select('storeId')
      .lean();
    return found.map(({ storeId }) => storeId);
  }

  /** Stores whose interrupted job waits for its next try, and until when: nothing else of theirs may run before it. */
  async heldStores(now: Date): Promise<{ resource: string; until: Date }[]> {
    const held: DatabaseFilter = { ...interrupted, state: 'retry', dueAt: { $gt: now } };
    const found = await this.#model.find(held).select('storeId dueAt').lean();
    return found.map(({ storeId, dueAt }) => ({ resource: storeId, until: dueAt! }));
  }

  /** The job of a store that goes first: the interrupted one, else the one that has been due the longest. */
  async nextOf(storeId: string, now: Date): Promise<Job | undefined> {
    const begun = await this.#one({ storeId, ...interrupted });
    if (begun) return begun.state === 'retry' && begun.dueAt! > now ? undefined : begun;
    const [due] = await this.#model
      .find({ storeId, dueAt: { $lte: now } })
      .sort({ dueAt: 1 })
      .limit(1)
      .lean();
    return due;
  }

  /** How many jobs wait, and for how long the oldest has. */
  async waiting(now: Date): Promise<Waiting> {
    const waits: DatabaseFilter = { state: { $in: ['queued', 'retry'] } };
    const found = await this.#model.find(waits).select('dueAt').lean();
    const due = found.flatMap(({ dueAt }) => (dueAt! <= now ? [dueAt!.getTime()] : []));
    const oldest = due.reduce((first, time) => Math.min(first, time), now.getTime());
    return { due: due.length, planned: found.length - due.length, oldestSeconds: (now.getTime() - oldest) / 1000 };
  }

  /** Keeps a lease alive; false when it is lost, or the job is not leased any more. */
  async extend(job: Job, until: Date): Promise<boolean> {
    const leased = { _id: job._id, generation: job.generation, state: { $in: [...LEASED] } };
    return (await this.#model.updateOne(leased, { $set: { dueAt: until } })).matchedCount === 1;
  }

  /** Frees what was leased before this start: only when no other process can be working. */
  async freeLeased(now: Date): Promise<void> {
    await this.#model.updateMany({ state: { $in: [...LEASED] }, dueAt: { $gt: now } }, { $set: { dueAt: now } });
  }

  /** A job for the same place that has succeeded and has the last word. Stores do not tell aliases apart by case. */
  async findSuccessor(job: Job): Promise<Job | undefined> {
    const { storeId, alias } = job;
    const done = { storeId, alias: alias && new RegExp(`^${escapeExpression(alias)}$`, 'i'), state: 'done' };
    const after = { $gte: decidesAt(job) };
    const newest = async (filter: DatabaseFilter, sort: Record<string, -1>) =>
      (await this.#model.find(filter).sort(sort).limit(1).lean())[0];
    const last =
      (await newest({ ...done, decidesAt: after }, { decidesAt: -1, _id: -1 })) ??
      (await newest({ ...done, decidesAt: { $exists: false }, createdAt: after }, { createdAt: -1, _id: -1 }));
    return last && overtakes(last, job) ? last : undefined;
  }

  /** What has succeeded in a store, the oldest first. */
  async succeededOf(storeId: string): Promise<PlacingJob[]> {
    return await this.#model
      .find({ storeId, state: 'done' })
      .sort({ createdAt: 1, _id: 1 })
      .select('action alias fingerprintSha256 includePrivateKey updatedAt')
      .lean();
  }

  async hasUnfinished(storeId: string): Promise<boolean> {
    return (await this.#model.exists({ storeId, state: { $nin: [...FINAL] } })) !== null;
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
  async toFollow(limit: number): Promise<Job[]> {
    return await this.#model
      .find({ repeats: true, state: { $in: [...FINAL] } })
      .limit(limit)
      .lean();
  }

  /** Says that the next job of a recurrence is there. */
  async followed(job: Job): Promise<void> {
    await this.#model.updateOne({ _id: job._id }, { $unset: { repeats: 1 } });
  }

  async #one(filter: DatabaseFilter): Promise<Job | undefined> {
    return (await this.#model.findOne(filter).lean()) ?? undefined;
  }
}
