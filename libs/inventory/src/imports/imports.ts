import { notFound, raise } from '@certferry/core';
import type { Database } from '@certferry/database';
import mongoose, { type Model } from 'mongoose';
import type { Import } from './import.ts';

const schema = new mongoose.Schema<Import>(
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
  },
  { versionKey: false, minimize: false },
);

/** What imports did, for those who look it up. */
export class Imports {
  readonly #model: Model<Import>;

  constructor(database: Database) {
    this.#model = database.model<Import>('imports', schema);
  }

  async save(one: Import): Promise<void> {
    await this.#model.create(one);
  }

  /** NOT_FOUND IMPORT_NOT_FOUND when there is none. */
  async get(id: string): Promise<Import> {
    return ((await this.#model.findById(id).lean()) as Import | null) ?? raise(notFound('import', id));
  }
}
