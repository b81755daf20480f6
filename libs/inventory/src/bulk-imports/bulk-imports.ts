import { listPage, toBuffer, type Database, type Page, type PageQuery } from '@certferry/database';
import { addOutbox, createEvent, type Event, type Outbox } from '@certferry/events';
import mongoose, { type Model } from 'mongoose';

export interface BulkImportFailure {
  index: number;
  /** Empty for a certificate of an XML file. */
  file: string;
  reason: string;
  message: string;
}

export type BulkImportStatus = 'pending' | 'completed' | 'failed';

/** An archive that is being taken in. */
export interface BulkImport extends Outbox {
  _id: string;
  number: number;
  profileId: string;
  profileName: string;
  fileName: string;
  format: 'pem' | 'xml';
  size: number;
  address: string;
  /** Id of the API key. */
  caller: string;
  /** Id of the request that asked for it. Absent in imports from before it was kept. */
  requestId?: string;
  status: BulkImportStatus;
  total: number;
  processed: number;
  failed: number;
  failures: BulkImportFailure[];
  /** Rises with each lease; a worker that lost its lease matches nothing. */
  generation: number;
  /** When somebody may take it. Absent when it has ended. */
  dueAt?: Date;
  createdAt: Date;
  completedAt?: Date;
}

const schema = new mongoose.Schema<BulkImport>(
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
addOutbox(schema as never);

interface Chunk {
  _id: string;
  importId: string;
  content: Buffer;
  createdAt: Date;
}

const chunkSchema = new mongoose.Schema<Chunk>(
  { _id: String, importId: String, content: Buffer, createdAt: Date },
  { versionKey: false },
);
chunkSchema.index({ importId: 1 });
chunkSchema.index({ createdAt: 1 });

/** Failures that are kept of one import; the rest is only counted. */
export const MAX_FAILURES = 1_000;
const FORGOTTEN_MS = 3_600_000;

export function statusEvent({ _id, status, total, failed }: BulkImport, time: Date): Event {
  const data = { importId: _id, status, total, failed };
  return createEvent({ type: `certferry.inventory.import.${status}`, subject: _id, data, time });
}

/** The bulk imports and their archives, which are kept in the database until they are taken in. */
export class BulkImports {
  readonly #model: Model<BulkImport>;
  readonly #chunks: Model<Chunk>;

  constructor(database: Database) {
    this.#model = database.model<BulkImport>('bulk_imports', schema);
    this.#chunks = database.model<Chunk>('bulk_import_chunks', chunkSchema);
  }

  get model(): Model<BulkImport> {
    return this.#model;
  }

  async insert(one: BulkImport): Promise<void> {
    await this.#model.create({ ...one, pendingEvents: [statusEvent(one, one.createdAt)], outbox: true });
  }

  async find(id: string): Promise<BulkImport | undefined> {
    return ((await this.#model.findById(id).lean()) as BulkImport | null) ?? undefined;
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

  async addChunk(importId: string, position: number, content: { bytes: Uint8Array; at: Date }): Promise<void> {
    const _id = `${importId}:${String(position).padStart(6, '0')}`;
    await this.#chunks.create({ _id, importId, content: Buffer.from(content.bytes), createdAt: content.at });
  }

  /** The archive, piece by piece. */
  async *readChunks(importId: string): AsyncGenerator<Buffer> {
    for (let position = 0; ; position++) {
      const _id = `${importId}:${String(position).padStart(6, '0')}`;
      const chunk = (await this.#chunks.findById(_id).lean()) as Chunk | null;
      if (!chunk) return;
      yield toBuffer(chunk.content);
    }
  }

  async deleteChunks(importId: string): Promise<void> {
    await this.#chunks.deleteMany({ importId });
  }

  /** Archives that were being sent when a process ended, and never became an import. */
  async deleteForgotten(now: Date): Promise<void> {
    const old = await this.#chunks.distinct('importId', { createdAt: { $lt: new Date(now.getTime() - FORGOTTEN_MS) } });
    for (const importId of old) {
      const one = await this.find(importId);
      if (one?.status !== 'pending') await this.deleteChunks(importId);
    }
  }

  /** Takes an import that is due; undefined when there is none. */
  async lease(now: Date, until: Date): Promise<BulkImport | undefined> {
    const due = await this.#model
      .find({ dueAt: { $lte: now } })
      .sort({ dueAt: 1 })
      .limit(10)
      .lean();
    for (const one of due as BulkImport[]) {
      const generation = one.generation + 1;
      const { matchedCount } = await this.#model.updateOne(
        { _id: one._id, generation: one.generation },
        { $set: { generation, dueAt: until } },
      );
      if (matchedCount === 1) return { ...one, generation, dueAt: until };
    }
    return undefined;
  }

  /** Keeps how far it is, or its end, if it is still this worker's; undefined when it is not. */
  async save(one: BulkImport, set: Partial<BulkImport>, event?: Event): Promise<BulkImport | undefined> {
    const ended = set.status !== undefined && set.status !== 'pending';
    const { matchedCount } = await this.#model.updateOne(
      { _id: one._id, generation: one.generation },
      {
        $set: { ...set, ...(event && { outbox: true }) },
        ...(ended && { $unset: { dueAt: 1 } }),
        ...(event && { $push: { pendingEvents: event } }),
      },
    );
    return matchedCount === 1 ? { ...one, ...set } : undefined;
  }

  /** Frees what was leased before this start: only when no other process can be working. */
  async freeLeased(now: Date): Promise<void> {
    await this.#model.updateMany({ dueAt: { $gt: now } }, { $set: { dueAt: now } });
  }
}
