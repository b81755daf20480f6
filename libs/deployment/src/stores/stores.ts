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
    places: { type: [String], default: undefined },
    renewal: Object,
    hooks: Object,
    keepVersions: Number,
    createdAt: Date,
    updatedAt: Date,
  },
  { versionKey: false, minimize: false },
);
schema.index({ name: 1 }, { unique: true });
schema.index({ places: 1 }, { unique: true, sparse: true });

/** The stores' collection. */
export class Stores {
  readonly #model: Model<Store>;

  constructor(database: Database) {
    this.#model = database.model<Store>('stores', schema);
  }

  async insert(store: Store): Promise<void> {
    await this.#model.create(store).catch(this.#taken(store));
  }

  async replace(store: Store): Promise<boolean> {
    const { matchedCount } = await this.#model.replaceOne({ _id: store._id }, store).catch(this.#taken(store));
    return matchedCount === 1;
  }

  /** ALREADY_EXISTS STORE_PLACE_TAKEN names the other store that has one of the places; STORE_NAME_TAKEN if the name too. */
  async checkPlaces({ _id, name, places = [] }: Pick<Store, '_id' | 'name' | 'places'>): Promise<void> {
    if (places.length === 0) return;
    const other = await this.#model.findOne({ places: { $in: places }, _id: { $ne: _id } }).lean();
    const place = other?.places?.find((one) => places.includes(one));
    if (!other || place === undefined) return;
    if (other.name === name) throw nameTaken(name);
    throw new AppError({
      code: 'ALREADY_EXISTS',
      reason: 'STORE_PLACE_TAKEN',
      message: `The store "${other.name}" has ${place} already; two stores would overwrite each other.`,
      details: { place, store: other._id },
    });
  }

  /** Which of the unique members it was that another store has. */
  #taken(store: Store): (error: unknown) => Promise<never> {
    return async (error) => {
      if (!isDuplicateKey(error)) throw error;
      await this.checkPlaces(store);
      throw nameTaken(store.name);
    };
  }

  async delete(id: string): Promise<boolean> {
    return (await this.#model.deleteOne({ _id: id })).deletedCount === 1;
  }

  async find(id: string): Promise<Store | undefined> {
    const found = await this.#model.findById(id).lean();
    return found ? fromDatabase(found) : undefined;
  }

  /** Those that are there, by their id. */
  async findAll(ids: string[]): Promise<Map<string, Store>> {
    const found = await this.#model.find({ _id: { $in: ids } }).lean();
    return new Map(found.map(fromDatabase).map((one) => [one._id, one]));
  }

  /** In their order, from after this one. */
  async idsAfter(id: string, limit: number): Promise<string[]> {
    const found = await this.#model
      .find({ _id: { $gt: id } })
      .sort({ _id: 1 })
      .limit(limit)
      .select('_id')
      .lean();
    return found.map(({ _id }) => _id);
  }

  /** By name. */
  async list({ filter, ...page }: PageQuery & { filter: DatabaseFilter[] }): Promise<Page<Store>> {
    const found = await listPage(this.#model, { filter, sort: { name: 'name', path: 'name', direction: 1 } }, page);
    return { ...found, items: found.items.map(fromDatabase) };
  }
}

const nameTaken = (name: string): AppError =>
  new AppError({
    code: 'ALREADY_EXISTS',
    reason: 'STORE_NAME_TAKEN',
    message: `There is a store named "${name}" already.`,
    details: { name },
  });

function fromDatabase(found: unknown): Store {
  const store = found as Store;
  return { ...store, ...(store.sealedSecrets && { sealedSecrets: toBuffer(store.sealedSecrets) }) };
}
