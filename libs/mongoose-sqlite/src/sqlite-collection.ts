import type { Buffer } from 'node:buffer';
import mongoose from 'mongoose';
import { compileFilter } from './compile-filter.ts';
import { applyUpdate, upsertDocument, type UpdateOptions } from './document-update.ts';
import { bulkWriteError, duplicateKey } from './errors.ts';
import { defineIndex, indexKeys, type Document, type IndexDefinition, type IndexOptions } from './index-definition.ts';
import { encodeKey } from './key-encoding.ts';
import { planQuery, type Filter, type Plan } from './planner.ts';
import { SqliteCursor, toSortSpec, type FindOptions } from './sqlite-cursor.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
import { aggregateDocuments } from './aggregation.ts';
import { checkFilter, checkOptions, checkUpdate, unsupported } from './unsupported.ts';

const { BSON, ObjectId } = mongoose.mongo;

type Index = IndexDefinition & { multikey: boolean; table: string };
interface Row {
  rid: number;
  doc: Uint8Array;
}
interface Match {
  rid: number;
  bytes: Uint8Array;
  document: Document;
}
interface UpdateResult {
  acknowledged: true;
  matchedCount: number;
  modifiedCount: number;
  upsertedCount: number;
  upsertedId: unknown;
}
type ModifyOptions = FindOptions &
  UpdateOptions & { returnDocument?: 'before' | 'after'; includeResultMetadata?: boolean };
type BulkOperation = Record<
  string,
  { document?: Document; filter?: Filter; update?: Document; replacement?: Document } & UpdateOptions
>;

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const decode = (bytes: Uint8Array): Document => BSON.deserialize(bytes, { promoteBuffers: true });

/** The operations of MongoDB's Collection that mongoose calls, over one table of BSON and one of keys for each index. */
export class SqliteCollection {
  readonly collectionName: string;
  readonly #database: SqliteDatabase;
  readonly #table: string;
  #indexes: Index[] | undefined;

  constructor(database: SqliteDatabase, name: string) {
    this.#database = database;
    this.collectionName = name;
    this.#table = quote(`documents:${name}`);
  }

  // --- reading ---

  find(filter: Filter = {}, options: FindOptions = {}): SqliteCursor {
    checkFilter(filter);
    checkOptions(options);
    return new SqliteCursor(this, filter, options);
  }

  async findOne(filter: Filter = {}, options: FindOptions = {}): Promise<Document | null> {
    return (await this.find(filter, { ...options, limit: 1 }).toArray())[0] ?? null;
  }

  async countDocuments(filter: Filter = {}, options: FindOptions = {}): Promise<number> {
    return (await this.find(filter, { skip: options.skip, limit: options.limit }).toArray()).length;
  }

  async estimatedDocumentCount(): Promise<number> {
    this.#open();
    const row = this.#database.prepare(`SELECT count(*) AS n FROM ${this.#table}`).get() as { n: number };
    return await Promise.resolve(row.n);
  }

  async distinct(path: string, filter: Filter = {}): Promise<unknown[]> {
    checkFilter(filter);
    const groups = await this.aggregate([
      { $match: filter },
      { $unwind: { path: `$${path}`, preserveNullAndEmptyArrays: false } },
      { $group: { _id: `$${path}` } },
    ]).toArray();
    return groups.map((group) => group['_id']);
  }

  aggregate(pipeline: Document[], options?: object): { toArray: () => Promise<Document[]> } {
    checkOptions(options);
    return { toArray: () => aggregateDocuments(this, pipeline) };
  }

  watch(): never {
    throw unsupported('change streams');
  }

  /** How a query would be run. */
  plan(filter: Filter, options: FindOptions): Plan {
    return planQuery({ filter, sort: toSortSpec(options.sort) }, this.#open());
  }

  /** All matches, in the plan's order; no more than `limit` when the plan already sorts. */
  scan(filter: Filter, options: FindOptions): Match[] {
    const plan = this.plan(filter, options);
    const limit = plan.sorted && options.limit ? options.limit + (options.skip ?? 0) : Infinity;
    const query = Object.keys(filter).length === 0 ? undefined : compileFilter(filter);
    const matches: Match[] = [];
    const seen = new Set<number>();
    for (const row of this.#rows(plan)) {
      if (seen.has(row.rid)) continue;
      const document = decode(row.doc);
      if (query && !query.test(document)) continue;
      if (plan.stage === 'IXSCAN') seen.add(row.rid);
      matches.push({ rid: row.rid, bytes: row.doc, document });
      if (matches.length >= limit) break;
    }
    return matches;
  }

  *#rows(plan: Plan): Generator<Row> {
    const statement = (sql: string) => this.#database.prepare(sql);
    if (plan.stage === 'COLLSCAN') {
      yield* statement(`SELECT rid, doc FROM ${this.#table} ORDER BY rid`).iterate() as unknown as Iterable<Row>;
    } else if (plan.stage === 'IDHACK') {
      for (const key of plan.keys) {
        const row = statement(`SELECT rid, doc FROM ${this.#table} WHERE id = ?`).get(key) as Row | undefined;
        if (row) yield row;
      }
    } else {
      const index = quote(`index:${this.collectionName}:${plan.index.name}`);
      const order = plan.reverse ? 'DESC' : 'ASC';
      for (const { from, to } of plan.ranges) {
        const where = to ? 'k >= ? AND k < ?' : 'k >= ?';
        const sql = `SELECT d.rid, d.doc FROM ${index} x CROSS JOIN ${this.#table} d ON d.rid = x.rid WHERE ${where} ORDER BY x.k ${order}`;
        yield* statement(sql).iterate(...(to ? [from, to] : [from])) as unknown as Iterable<Row>;
      }
    }
  }

  // --- writing ---

  async insertOne(document: Document, options?: object): Promise<{ acknowledged: true; insertedId: unknown }> {
    checkOptions(options);
    const insertedId = await this.#database.write(() => this.#insert(document));
    return { acknowledged: true, insertedId };
  }

  async insertMany(documents: Document[], options: { ordered?: boolean } = {}): Promise<object> {
    const operations = documents.map((document) => ({ insertOne: { document } }));
    const result = await this.bulkWrite(operations, options);
    return { acknowledged: true, insertedCount: documents.length, insertedIds: result.insertedIds };
  }

  async updateOne(filter: Filter, update: Document, options: UpdateOptions = {}): Promise<UpdateResult> {
    checkOptions(options);
    return await this.#database.write(() => this.#update(filter, update, { ...options, limit: 1 }));
  }

  async updateMany(filter: Filter, update: Document, options: UpdateOptions = {}): Promise<UpdateResult> {
    checkOptions(options);
    return await this.#database.write(() => this.#update(filter, update, options));
  }

  async replaceOne(filter: Filter, replacement: Document, options: UpdateOptions = {}): Promise<UpdateResult> {
    checkOptions(options);
    return await this.#database.write(() => this.#replace(filter, replacement, options));
  }

  async deleteOne(filter: Filter = {}, options?: object): Promise<{ acknowledged: true; deletedCount: number }> {
    checkOptions(options);
    return await this.#database.write(() => this.#delete(filter, 1));
  }

  async deleteMany(filter: Filter = {}, options?: object): Promise<{ acknowledged: true; deletedCount: number }> {
    checkOptions(options);
    return await this.#database.write(() => this.#delete(filter));
  }

  async findOneAndUpdate(filter: Filter, update: Document, options: ModifyOptions = {}): Promise<unknown> {
    return await this.#modify(filter, options, (only) => this.#update(only, update, { ...options, limit: 1 }));
  }

  async findOneAndReplace(filter: Filter, replacement: Document, options: ModifyOptions = {}): Promise<unknown> {
    return await this.#modify(filter, options, (only) => this.#replace(only, replacement, options));
  }

  async findOneAndDelete(filter: Filter, options: ModifyOptions = {}): Promise<unknown> {
    return await this.#modify(filter, options, (only) => void this.#delete(only, 1));
  }

  async bulkWrite(operations: BulkOperation[], options: { ordered?: boolean } = {}) {
    checkOptions(options);
    const result = {
      insertedCount: 0,
      matchedCount: 0,
      modifiedCount: 0,
      deletedCount: 0,
      upsertedCount: 0,
      insertedIds: {} as Record<number, unknown>,
      upsertedIds: {} as Record<number, unknown>,
    };
    const errors: { index: number; error: unknown }[] = [];
    await this.#database.write(() => {
      for (const [index, operation] of operations.entries()) {
        try {
          this.#database.savepoint(() => this.#bulkOperation(operation, index, result));
        } catch (error) {
          errors.push({ index, error });
          if (options.ordered !== false) break;
        }
      }
    });
    if (errors.length > 0) throw bulkWriteError(errors, result);
    return { acknowledged: true, ok: 1, ...result };
  }

  #bulkOperation(
    operation: BulkOperation,
    index: number,
    result: {
      insertedCount: number;
      matchedCount: number;
      modifiedCount: number;
      deletedCount: number;
      upsertedCount: number;
      insertedIds: Record<number, unknown>;
      upsertedIds: Record<number, unknown>;
    },
  ): void {
    const [name, one] = Object.entries(operation)[0]!;
    const filter = one.filter ?? {};
    if (name === 'insertOne') {
      result.insertedIds[index] = this.#insert(one.document!);
      result.insertedCount++;
    } else if (name === 'deleteOne' || name === 'deleteMany') {
      result.deletedCount += this.#delete(filter, name === 'deleteOne' ? 1 : undefined).deletedCount;
    } else if (name === 'updateOne' || name === 'updateMany' || name === 'replaceOne') {
      const update = { ...one, limit: name === 'updateOne' ? 1 : undefined };
      const done =
        name === 'replaceOne'
          ? this.#replace(filter, one.replacement!, one)
          : this.#update(filter, one.update!, update);
      result.matchedCount += done.matchedCount;
      result.modifiedCount += done.modifiedCount;
      result.upsertedCount += done.upsertedCount;
      if (done.upsertedCount > 0) result.upsertedIds[index] = done.upsertedId;
    } else throw unsupported(`the bulk operation ${name}`);
  }

  async #modify(
    filter: Filter,
    options: ModifyOptions,
    change: (only: Filter) => UpdateResult | void,
  ): Promise<unknown> {
    checkFilter(filter);
    checkOptions(options);
    const result = await this.#database.write(() => {
      const before = this.find(filter, { ...options, limit: 1 }).documents()[0];
      if (!before && !options.upsert) return { value: null, updatedExisting: false };
      const done = change(before ? { $and: [{ _id: before['_id'] }, filter] } : filter);
      const id = before?.['_id'] ?? done?.upsertedId;
      const after = options.returnDocument === 'after';
      const value = after ? this.find({ _id: id }, { projection: options.projection }).documents()[0] : before;
      return { value: value ?? null, updatedExisting: before !== undefined, upserted: before ? undefined : id };
    });
    if (!options.includeResultMetadata) return result.value;
    const { value, updatedExisting, upserted } = result;
    return {
      value,
      ok: 1,
      lastErrorObject: { updatedExisting, n: value ? 1 : 0, ...(upserted !== undefined && { upserted }) },
    };
  }

  #insert(document: Document): unknown {
    this.#open();
    if (document['_id'] === undefined) document['_id'] = new ObjectId();
    const bytes = BSON.serialize(document, { ignoreUndefined: false });
    const plain = decode(bytes);
    const id = encodeKey(plain['_id']);
    if (this.#database.prepare(`SELECT 1 FROM ${this.#table} WHERE id = ?`).get(id)) {
      throw duplicateKey(this.collectionName, { name: '_id_', fields: [{ path: '_id', descending: false }] }, plain);
    }
    const { lastInsertRowid } = this.#database
      .prepare(`INSERT INTO ${this.#table} (id, doc) VALUES (?, ?)`)
      .run(id, bytes);
    this.#writeKeys(Number(lastInsertRowid), undefined, plain);
    return document['_id'];
  }

  #update(
    filter: Filter,
    update: Document,
    options: UpdateOptions & { limit?: number; sort?: FindOptions['sort'] },
  ): UpdateResult {
    checkFilter(filter);
    checkUpdate(update);
    const matches = this.scanSorted(filter, { limit: options.limit, sort: options.sort });
    if (matches.length === 0 && options.upsert) return this.#upsert(upsertDocument(filter, update, options));
    let modifiedCount = 0;
    for (const match of matches) {
      const next = decode(match.bytes);
      applyUpdate(next, update, { filter, arrayFilters: options.arrayFilters });
      if (this.#store(match, next)) modifiedCount++;
    }
    return { acknowledged: true, matchedCount: matches.length, modifiedCount, upsertedCount: 0, upsertedId: null };
  }

  #replace(filter: Filter, replacement: Document, options: UpdateOptions): UpdateResult {
    checkFilter(filter);
    const [match] = this.scan(filter, { limit: 1 });
    if (!match) {
      if (options.upsert) return this.#upsert({ ...upsertDocument(filter, {}, {}), ...replacement });
      return { acknowledged: true, matchedCount: 0, modifiedCount: 0, upsertedCount: 0, upsertedId: null };
    }
    const modified = this.#store(match, { ...replacement, _id: match.document['_id'] });
    return { acknowledged: true, matchedCount: 1, modifiedCount: modified ? 1 : 0, upsertedCount: 0, upsertedId: null };
  }

  #upsert(document: Document): UpdateResult {
    const upsertedId = this.#insert(document);
    return { acknowledged: true, matchedCount: 0, modifiedCount: 0, upsertedCount: 1, upsertedId };
  }

  #store(match: Match, next: Document): boolean {
    const { _id, ...rest } = next;
    const bytes = BSON.serialize({ _id, ...rest }, { ignoreUndefined: false });
    if (bytes.length === match.bytes.length && (bytes as Buffer).equals(match.bytes)) return false;
    const plain = decode(bytes);
    if (!encodeKey(plain['_id']).equals(encodeKey(match.document['_id']))) {
      throw new mongoose.mongo.MongoServerError({ message: 'The field _id cannot be changed', code: 66 });
    }
    this.#database.prepare(`UPDATE ${this.#table} SET doc = ? WHERE rid = ?`).run(bytes, match.rid);
    this.#writeKeys(match.rid, match.document, plain);
    return true;
  }

  #delete(filter: Filter, limit?: number): { acknowledged: true; deletedCount: number } {
    checkFilter(filter);
    const matches = this.scan(filter, { limit });
    for (const match of matches) {
      this.#database.prepare(`DELETE FROM ${this.#table} WHERE rid = ?`).run(match.rid);
      this.#writeKeys(match.rid, match.document, undefined);
    }
    return { acknowledged: true, deletedCount: matches.length };
  }

  /** As scan, but sorted and cut whatever the plan. */
  scanSorted(filter: Filter, options: FindOptions): Match[] {
    const matches = this.scan(filter, options);
    if (!options.sort || this.plan(filter, options).sorted) return matches.slice(0, options.limit || undefined);
    const ids = this.find(filter, options)
      .documents()
      .map((document) => encodeKey(document['_id']).toString('hex'));
    const byId = new Map(matches.map((match) => [encodeKey(match.document['_id']).toString('hex'), match]));
    return ids.map((id) => byId.get(id)!);
  }

  // --- indexes ---

  #writeKeys(rid: number, before: Document | undefined, after: Document | undefined): void {
    for (const index of this.#open()) {
      const old = before ? indexKeys(index, before).keys : [];
      const fresh = after ? indexKeys(index, after) : { keys: [], multikey: false };
      const kept = new Set(fresh.keys.map((key) => key.toString('latin1')));
      const had = new Set(old.map((key) => key.toString('latin1')));
      for (const key of old)
        if (!kept.has(key.toString('latin1')))
          this.#database.prepare(`DELETE FROM ${index.table} WHERE k = ? AND rid = ?`).run(key, rid);
      for (const key of fresh.keys)
        if (!had.has(key.toString('latin1'))) this.#addKey(index, { key, rid, document: after! });
      if (fresh.multikey && !index.multikey) this.#markMultikey(index);
    }
  }

  #addKey(index: Index, { key, rid, document }: { key: Buffer; rid: number; document: Document }): void {
    if (index.unique && this.#database.prepare(`SELECT 1 FROM ${index.table} WHERE k = ?`).get(key)) {
      throw duplicateKey(this.collectionName, index, document);
    }
    this.#database.prepare(`INSERT INTO ${index.table} (k, rid) VALUES (?, ?)`).run(key, rid);
  }

  #markMultikey(index: Index): void {
    index.multikey = true;
    this.#database
      .prepare('UPDATE indexes SET multikey = 1 WHERE collection = ? AND name = ?')
      .run(this.collectionName, index.name);
  }

  /** The indexes; makes the collection's table on first use. */
  #open(): Index[] {
    if (this.#indexes) return this.#indexes;
    const create = `CREATE TABLE IF NOT EXISTS ${this.#table} (rid INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, doc BLOB NOT NULL)`;
    this.#database.exec(create);
    this.#database.prepare('INSERT OR IGNORE INTO collections (name) VALUES (?)').run(this.collectionName);
    const rows = this.#database
      .prepare('SELECT definition, multikey FROM indexes WHERE collection = ? ORDER BY rowid')
      .all(this.collectionName) as { definition: string; multikey: number }[];
    this.#indexes = rows.map((row) => this.#index(JSON.parse(row.definition) as IndexDefinition, row.multikey === 1));
    return this.#indexes;
  }

  #index(definition: IndexDefinition, multikey: boolean): Index {
    return { ...definition, multikey, table: quote(`index:${this.collectionName}:${definition.name}`) };
  }

  /** Makes the index and fills it; the same index again is nothing, another under its name an error (MongoDB's code 86). */
  async createIndex(keys: Record<string, unknown>, options: IndexOptions = {}): Promise<string> {
    const definition = defineIndex(keys, options);
    return await this.#database.write(() => {
      const existing = this.#open().find((index) => index.name === definition.name);
      if (existing) {
        const { multikey: _m, table: _t, ...same } = existing;
        if (JSON.stringify(same) === JSON.stringify(definition)) return definition.name;
        throw new mongoose.mongo.MongoServerError({
          message: `An index named ${definition.name} exists with other options`,
          code: 86,
        });
      }
      const index = this.#index(definition, false);
      this.#database.exec(
        `CREATE TABLE ${index.table} (k BLOB NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (k, rid)) WITHOUT ROWID`,
      );
      this.#database
        .prepare('INSERT INTO indexes (collection, name, definition) VALUES (?, ?, ?)')
        .run(this.collectionName, index.name, JSON.stringify(definition));
      for (const { rid, document } of this.scan({}, {})) {
        const { keys: found, multikey } = indexKeys(index, document);
        for (const key of found) this.#addKey(index, { key, rid, document });
        if (multikey && !index.multikey) this.#markMultikey(index);
      }
      this.#indexes!.push(index);
      return definition.name;
    });
  }

  listIndexes(): { toArray: () => Promise<Document[]> } {
    const own = this.#open().map(({ name, fields, unique, sparse }) => ({
      v: 2,
      key: Object.fromEntries(fields.map((field) => [field.path, field.descending ? -1 : 1])),
      name,
      ...(unique && { unique }),
      ...(sparse && { sparse }),
    }));
    return { toArray: () => Promise.resolve([{ v: 2, key: { _id: 1 }, name: '_id_' }, ...own]) };
  }

  async dropIndex(name: string): Promise<object> {
    return await this.#database.write(() => {
      const index = this.#open().find((one) => one.name === name);
      if (!index)
        throw new mongoose.mongo.MongoServerError({ message: `index not found with name [${name}]`, code: 27 });
      this.#database.exec(`DROP TABLE ${index.table}`);
      this.#database.prepare('DELETE FROM indexes WHERE collection = ? AND name = ?').run(this.collectionName, name);
      this.#indexes = this.#indexes!.filter((one) => one !== index);
      return { ok: 1 };
    });
  }

  async drop(): Promise<boolean> {
    for (const index of this.#open()) await this.dropIndex(index.name);
    await this.#database.write(() => {
      this.#database.exec(`DROP TABLE ${this.#table}`);
      this.#database.prepare('DELETE FROM collections WHERE name = ?').run(this.collectionName);
      this.#indexes = undefined;
    });
    return true;
  }
}
