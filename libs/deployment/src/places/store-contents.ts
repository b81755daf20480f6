import { isDuplicateKey, type Database } from '@certferry/database';
import mongoose, { type Model } from 'mongoose';
import type { StoreContent } from './store-content.ts';

const schema = new mongoose.Schema<StoreContent>(
  {
    _id: { type: String, required: true },
    entries: { type: [Object], default: undefined },
    readAt: Date,
    revision: Number,
  },
  { versionKey: false, minimize: false },
);
schema.index({ 'entries.fingerprintSha256': 1 });

/** The collection of what stores hold, a document a store. */
export class StoreContents {
  readonly #model: Model<StoreContent>;

  constructor(database: Database) {
    this.#model = database.model<StoreContent>('store_contents', schema);
  }

  async find(storeId: string): Promise<StoreContent | undefined> {
    return (await this.#model.findById(storeId).lean()) ?? undefined;
  }

  /** Those that hold one of these leaf certificates. */
  async holding(fingerprints: string[]): Promise<StoreContent[]> {
    return await this.#model.find({ 'entries.fingerprintSha256': { $in: fingerprints } }).lean();
  }

  /** By store id, from after this one. */
  async listAfter(storeId: string, limit: number): Promise<StoreContent[]> {
    return await this.#model
      .find({ _id: { $gt: storeId } })
      .sort({ _id: 1 })
      .limit(limit)
      .lean();
  }

  /** Of these stores, those that are not kept yet. */
  async missing(storeIds: string[]): Promise<string[]> {
    const found = await this.#model
      .find({ _id: { $in: storeIds } })
      .select('_id')
      .lean();
    const kept = new Set(found.map(({ _id }) => _id));
    return storeIds.filter((id) => !kept.has(id));
  }

  /** False when there is one already. */
  async insert(content: StoreContent): Promise<boolean> {
    try {
      await this.#model.create(content);
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }

  /** Saves the revision after the one that it came from; false when somebody else was faster. */
  async replace(content: StoreContent): Promise<boolean> {
    const before = { _id: content._id, revision: content.revision - 1 };
    return (await this.#model.replaceOne(before, content)).matchedCount === 1;
  }

  async delete(storeId: string): Promise<void> {
    await this.#model.deleteOne({ _id: storeId });
  }
}
