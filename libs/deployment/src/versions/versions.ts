import { toBuffer, type Database } from '@certferry/database';
import mongoose, { type Model } from 'mongoose';
import type { Version } from './version.ts';

const schema = new mongoose.Schema<Version>(
  {
    _id: { type: String, required: true },
    storeId: String,
    alias: String,
    place: String,
    number: Number,
    sealed: Buffer,
    digest: String,
    fingerprintSha256: String,
    subject: String,
    notAfter: Date,
    hasPrivateKey: Boolean,
    jobId: String,
    keptAt: Date,
  },
  { versionKey: false },
);
schema.index({ storeId: 1, number: 1 });

/** The collection of what stores held. A store's versions are written under its lease: by one job at a time. */
export class Versions {
  readonly #model: Model<Version>;

  constructor(database: Database) {
    this.#model = database.model<Version>('store_versions', schema);
  }

  get model(): Model<Version> {
    return this.#model;
  }

  /** Keeps it as the store's newest; where the place has had the same content, that one becomes the newest. Answers its id. */
  async keep(version: Omit<Version, 'number'>): Promise<string> {
    const { storeId, place, digest, jobId, keptAt } = version;
    const [newest] = await this.#model.find({ storeId }).sort({ number: -1 }).limit(1).select('number').lean();
    const number = (newest?.number ?? 0) + 1;
    const again = { $set: { number, jobId, keptAt } };
    const same = await this.#model.findOneAndUpdate({ storeId, place, digest }, again).select('_id').lean();
    if (same) return same._id;
    await this.#model.create({ ...version, number });
    return version._id;
  }

  async find(id: string): Promise<Version | undefined> {
    const found = await this.#model.findById(id).lean();
    return found ? fromDatabase(found) : undefined;
  }

  /** Newest first, of one place or of all, without their contents. */
  async list(storeId: string, place?: string): Promise<Omit<Version, 'sealed'>[]> {
    const filter = { storeId, ...(place !== undefined && { place }) };
    return await this.#model.find(filter).sort({ number: -1 }).select('-sealed').lean();
  }

  /** Forgets all but the newest of a place. */
  async prune(storeId: string, place: string, kept: number): Promise<void> {
    const old = (await this.list(storeId, place)).slice(kept).map(({ _id }) => _id);
    if (old.length > 0) await this.#model.deleteMany({ _id: { $in: old } });
  }

  async deleteOf(storeId: string): Promise<void> {
    await this.#model.deleteMany({ storeId });
  }
}

function fromDatabase(found: unknown): Version {
  const version = found as Version;
  return { ...version, sealed: toBuffer(version.sealed) };
}
