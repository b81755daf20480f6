import { isDuplicateKey, type Database } from '@certferry/database';
import mongoose, { type Model } from 'mongoose';

interface ResourceLease {
  _id: string;
  holder: string;
  until: Date;
}

const schema = new mongoose.Schema<ResourceLease>(
  { _id: { type: String, required: true }, holder: String, until: Date },
  { versionKey: false },
);
schema.index({ until: 1 });

/** A collection of leases, one a resource: for work of which only one piece a resource may run. */
export class ResourceLeases {
  readonly #model: Model<ResourceLease>;

  constructor(database: Database, collection: string) {
    this.#model = database.model<ResourceLease>(collection, schema);
  }

  /** Takes a resource; false while somebody has it. `holder` is new for each take: who lost a lease must not release the next one's. */
  async take(resource: string, holder: string, { now, until }: { now: Date; until: Date }): Promise<boolean> {
    try {
      await this.#model.findOneAndUpdate(
        { _id: resource, until: { $lte: now } },
        { $set: { holder, until } },
        { upsert: true },
      );
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }

  /** False when the lease is no longer the holder's. */
  async extend(resource: string, holder: string, until: Date): Promise<boolean> {
    return (await this.#model.updateOne({ _id: resource, holder }, { $set: { until } })).matchedCount === 1;
  }

  async release(resource: string, holder: string): Promise<void> {
    await this.#model.updateOne({ _id: resource, holder }, { $set: { until: new Date(0) } });
  }

  /** Ends every lease: only when no other process can have one. */
  async releaseAll(): Promise<void> {
    await this.#model.updateMany({}, { $set: { until: new Date(0) } });
  }

  /** What is leased, by whomever, and until when. */
  async taken(now: Date): Promise<{ resource: string; until: Date }[]> {
    const found = await this.#model.find({ until: { $gt: now } }).lean();
    return found.map(({ _id, until }) => ({ resource: _id, until }));
  }
}
