import { AppError } from '@certferry/core';
import {
  isDuplicateKey,
  listPage,
  toBuffer,
  type Database,
  type DatabaseFilter,
  type Page,
  type PageQuery,
} from '@certferry/database';
import mongoose, { type Model } from 'mongoose';
import type { Store } from './store.ts';

const schema = new mongoose.Schema<Store>(
  {
    _id: { type: String, required: true },
    name: String,
    kind: String,
    config: Object,
    sealedSecrets: Buffer,
    labels: { type: [Object], default: undefined },
    policy: Object,
    endpoints: Object,
    createdAt: Date,
    updatedAt: Date,
  },
  { versionKey: false, minimize: false },
);
schema.index({ name: 1 }, { unique: true });

/** The stores' collection. */
export class Stores {
  readonly #model: Model<Store>;

  constructor(database: Database) {
    this.#model = database.model<Store>('stores', schema);
  }

  async insert(store: Store): Promise<void> {
    await this.#model.create(store).catch(nameTaken(store.name));
  }

  async replace(store: Store): Promise<boolean> {
    const { matchedCount } = await this.#model.replaceOne({ _id: store._id }, store).catch(nameTaken(store.name));
    return matchedCount === 1;
  }

  async delete(id: string): Promise<boolean> {
    return (await this.#model.deleteOne({ _id: id })).deletedCount === 1;
  }

  async find(id: string): Promise<Store | undefined> {
    const found = await this.#model.findById(id).lean();
    return found ? fromDatabase(found) : undefined;
  }

  /** By name. */
  async list({ filter, ...page }: PageQuery & { filter: DatabaseFilter[] }): Promise<Page<Store>> {
    const found = await listPage(this.#model, { filter, sort: { name: 'name', path: 'name', direction: 1 } }, page);
    return { ...found, items: found.items.map(fromDatabase) };
  }
}

function nameTaken(name: string): (error: unknown) => never {
  return (error) => {
    if (!isDuplicateKey(error)) throw error;
    throw new AppError({
      code: 'ALREADY_EXISTS',
      reason: 'STORE_NAME_TAKEN',
      message: `There is a store named "${name}" already.`,
      details: { name },
    });
  };
}

function fromDatabase(found: unknown): Store {
  const store = found as Store;
  return { ...store, ...(store.sealedSecrets && { sealedSecrets: toBuffer(store.sealedSecrets) }) };
}
