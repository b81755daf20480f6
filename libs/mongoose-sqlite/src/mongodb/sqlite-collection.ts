import { DocumentReader, type FindOptions } from '../collection/document-reader.ts';
import type { DocumentTable } from '../collection/document-table.ts';
import {
  DocumentWriter,
  type ModifyOptions,
  type ModifyResult,
  type UpdateResult,
} from '../collection/document-writer.ts';
import type { SqliteFile } from '../collection/sqlite-file.ts';
import type { UpdateOptions } from '../query/apply-update.ts';
import type { Document, Filter } from '../query/document.ts';
import { defineIndex, type IndexOptions } from '../query/index-definition.ts';
import { unsupported } from '../query/unsupported.ts';
import { aggregateDocuments } from './aggregate-documents.ts';
import { bulkWrite, type BulkOperation, type BulkResult } from './bulk-write.ts';
import { checkFilter, checkOptions, checkUpdate } from './check-operation.ts';
import { SqliteCursor } from './sqlite-cursor.ts';

type FindOneAndOptions = ModifyOptions & { includeResultMetadata?: boolean };
interface DeleteResult {
  acknowledged: true;
  deletedCount: number;
}

/** The operations of MongoDB's Collection that mongoose calls: what is not supported is refused, what is wanted is asked of the reader and the writer. */
export class SqliteCollection {
  readonly collectionName: string;
  readonly #file: SqliteFile;
  readonly #table: DocumentTable;
  readonly #reader: DocumentReader;
  readonly #writer: DocumentWriter;

  constructor(file: SqliteFile, table: DocumentTable) {
    this.collectionName = table.name;
    this.#file = file;
    this.#table = table;
    this.#reader = new DocumentReader(table);
    this.#writer = new DocumentWriter(table, this.#reader);
  }

  // --- reading ---

  find(filter: Filter = {}, options: FindOptions = {}): SqliteCursor {
    checkFilter(filter);
    checkOptions(options);
    return new SqliteCursor(this.#reader, filter, options);
  }

  async findOne(filter: Filter = {}, options: FindOptions = {}): Promise<Document | null> {
    return (await this.find(filter, { ...options, limit: 1 }).toArray())[0] ?? null;
  }

  async countDocuments(filter: Filter = {}, options: FindOptions = {}): Promise<number> {
    return (await this.find(filter, { skip: options.skip, limit: options.limit }).toArray()).length;
  }

  async estimatedDocumentCount(): Promise<number> {
    return await Promise.resolve(this.#table.count());
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
    const find = (filter: Filter) => {
      checkFilter(filter);
      return this.#reader.documents(filter);
    };
    return { toArray: async () => await Promise.resolve(aggregateDocuments(pipeline, find)) };
  }

  watch(): never {
    throw unsupported('change streams');
  }

  // --- writing ---

  async insertOne(document: Document, options?: object): Promise<{ acknowledged: true; insertedId: unknown }> {
    checkOptions(options);
    const insertedId = await this.#file.write(() => this.#writer.insert(document));
    return { acknowledged: true, insertedId };
  }

  async insertMany(documents: Document[], options: { ordered?: boolean } = {}): Promise<object> {
    const operations = documents.map((document) => ({ insertOne: { document } }));
    const result = await this.bulkWrite(operations, options);
    return { acknowledged: true, insertedCount: documents.length, insertedIds: result.insertedIds };
  }

  async updateOne(filter: Filter, update: Document, options: UpdateOptions = {}): Promise<UpdateResult> {
    return await this.#update(filter, update, { ...options, limit: 1 });
  }

  async updateMany(filter: Filter, update: Document, options: UpdateOptions = {}): Promise<UpdateResult> {
    return await this.#update(filter, update, options);
  }

  async #update(filter: Filter, update: Document, options: UpdateOptions & { limit?: number }): Promise<UpdateResult> {
    checkOptions(options);
    checkFilter(filter);
    checkUpdate(update);
    return await this.#file.write(() => this.#writer.update(filter, update, options));
  }

  async replaceOne(filter: Filter, replacement: Document, options: UpdateOptions = {}): Promise<UpdateResult> {
    checkOptions(options);
    checkFilter(filter);
    return await this.#file.write(() => this.#writer.replace(filter, replacement, options));
  }

  async deleteOne(filter: Filter = {}, options?: object): Promise<DeleteResult> {
    return await this.#delete(filter, options, 1);
  }

  async deleteMany(filter: Filter = {}, options?: object): Promise<DeleteResult> {
    return await this.#delete(filter, options);
  }

  async #delete(filter: Filter, options: object | undefined, limit?: number): Promise<DeleteResult> {
    checkOptions(options);
    checkFilter(filter);
    const deletedCount = await this.#file.write(() => this.#writer.delete(filter, limit));
    return { acknowledged: true, deletedCount };
  }

  async findOneAndUpdate(filter: Filter, update: Document, options: FindOneAndOptions = {}): Promise<unknown> {
    checkUpdate(update);
    return await this.#modify(filter, options, (only) => this.#writer.update(only, update, { ...options, limit: 1 }));
  }

  async findOneAndReplace(filter: Filter, replacement: Document, options: FindOneAndOptions = {}): Promise<unknown> {
    return await this.#modify(filter, options, (only) => this.#writer.replace(only, replacement, options));
  }

  async findOneAndDelete(filter: Filter, options: FindOneAndOptions = {}): Promise<unknown> {
    return await this.#modify(filter, options, (only) => void this.#writer.delete(only, 1));
  }

  async #modify(
    filter: Filter,
    options: FindOneAndOptions,
    change: (only: Filter) => UpdateResult | void,
  ): Promise<unknown> {
    checkOptions(options);
    checkFilter(filter);
    const result = await this.#file.write(() => this.#writer.modify(filter, options, change));
    return options.includeResultMetadata ? withMetadata(result) : result.value;
  }

  async bulkWrite(operations: BulkOperation[], options: { ordered?: boolean } = {}): Promise<BulkResult> {
    checkOptions(options);
    return await bulkWrite({ file: this.#file, writer: this.#writer }, operations, options);
  }

  // --- indexes ---

  async createIndex(keys: Record<string, unknown>, options: IndexOptions = {}): Promise<string> {
    const definition = defineIndex(keys, options);
    await this.#file.write(() => this.#table.createIndex(definition));
    return definition.name;
  }

  listIndexes(): { toArray: () => Promise<Document[]> } {
    const own = this.#table.indexes().map(({ definition: { name, fields, unique, sparse } }) => ({
      v: 2,
      key: Object.fromEntries(fields.map((field) => [field.path, field.descending ? -1 : 1])),
      name,
      ...(unique && { unique }),
      ...(sparse && { sparse }),
    }));
    return { toArray: () => Promise.resolve([{ v: 2, key: { _id: 1 }, name: '_id_' }, ...own]) };
  }

  async dropIndex(name: string): Promise<object> {
    await this.#file.write(() => this.#table.dropIndex(name));
    return { ok: 1 };
  }

  async drop(): Promise<boolean> {
    await this.#file.write(() => this.#table.drop());
    return true;
  }
}

function withMetadata({ value, updatedExisting, upserted }: ModifyResult): object {
  const lastErrorObject = { updatedExisting, n: value ? 1 : 0, ...(upserted !== undefined && { upserted }) };
  return { value, ok: 1, lastErrorObject };
}
