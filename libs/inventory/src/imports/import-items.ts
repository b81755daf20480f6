import { listPage, isDuplicateKey, type Database, type Page, type PageQuery } from '@certferry/database';
import mongoose, { type Model } from 'mongoose';
import type { ImportItem, ImportResult } from './import.ts';

interface StoredItem extends ImportItem {
  _id: string;
  importId: string;
}

const schema = new mongoose.Schema<StoredItem>(
  {
    _id: String,
    importId: String,
    index: Number,
    file: String,
    result: String,
    certificateId: String,
    fingerprintSha256: String,
    subject: String,
    hasPrivateKey: Boolean,
    changes: [String],
    reason: String,
    message: String,
    issuer: Boolean,
    certificateNumber: Number,
    findings: [Object],
    keyFromCertificateId: String,
    keyAddedTo: { type: [String], default: undefined },
  },
  { versionKey: false, minimize: false },
);
schema.index({ importId: 1, index: 1, _id: 1 });
schema.index({ importId: 1, result: 1, index: 1, _id: 1 });

const itemId = (importId: string, index: number): string => `${importId}:${index}`;

/** What became of the items of jobs: one document each, for there may be a million. */
export class ImportItems {
  readonly #model: Model<StoredItem>;

  constructor(database: Database) {
    this.#model = database.model<StoredItem>('import_items', schema);
  }

  /**
   * Keeps items, each once by its import and index: after an interruption the first result holds (what was created then
   * is unchanged now). Answers the items as they are kept.
   */
  async add(importId: string, items: ImportItem[]): Promise<ImportItem[]> {
    const documents = items.map((item) => ({ ...item, _id: itemId(importId, item.index), importId }));
    try {
      await this.#model.insertMany(documents, { ordered: false });
      return items;
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
      const found = await this.#model.find({ _id: { $in: documents.map(({ _id }) => _id) } }).lean();
      return found;
    }
  }

  /** By index; all, or those of one result. */
  async list(importId: string, result: ImportResult | undefined, page: PageQuery): Promise<Page<ImportItem>> {
    const filter = [{ importId }, ...(result ? [{ result }] : [])];
    return await listPage(this.#model, { filter, sort: { name: 'index', path: 'index', direction: 1 } }, page);
  }

  /** Puts another result in the place of one that failed; nothing where that is done already. */
  async replaceFailed(importId: string, item: ImportItem): Promise<void> {
    const _id = itemId(importId, item.index);
    await this.#model.replaceOne({ _id, result: 'failed' }, { ...item, _id, importId });
  }

  /** By index, those that failed for a reason. */
  async failedFor(importId: string, reason: string): Promise<number[]> {
    const found = await this.#model
      .find({ importId, result: 'failed', reason })
      .select('index')
      .sort({ index: 1, _id: 1 })
      .lean();
    return found.map(({ index }) => index);
  }

  /** How many have a result. */
  async count(importId: string, result: ImportResult): Promise<number> {
    return await this.#model.countDocuments({ importId, result });
  }

  /** The first that failed. */
  async failures(importId: string, most: number): Promise<ImportItem[]> {
    return await this.#model.find({ importId, result: 'failed' }).sort({ index: 1, _id: 1 }).limit(most).lean();
  }
}
