import { Buffer } from 'node:buffer';
import mongoose from 'mongoose';
import { applyUpdate, upsertDocument, type UpdateOperators, type UpdateOptions } from '../query/apply-update.ts';
import type { Document, Filter } from '../query/document.ts';
import { project, type DocumentReader, type FindOptions, type Match } from './document-reader.ts';
import { decodeDocument, encodeDocument, type DocumentTable } from './document-table.ts';

/** What an update did, in the words of MongoDB's driver. */
export interface UpdateResult {
  acknowledged: true;
  matchedCount: number;
  modifiedCount: number;
  upsertedCount: number;
  upsertedId: unknown;
}

/** What a findOneAnd… did. */
export interface ModifyResult {
  value: Document | null;
  updatedExisting: boolean;
  /** The _id of what was inserted, if it was. */
  upserted?: unknown;
}

/** The options of a findOneAnd… that are served. */
export type ModifyOptions = FindOptions & UpdateOptions & { returnDocument?: 'before' | 'after' };

const NOTHING: UpdateResult = {
  acknowledged: true,
  matchedCount: 0,
  modifiedCount: 0,
  upsertedCount: 0,
  upsertedId: null,
};

/** Changes the documents of a collection. Everything here runs inside `SqliteFile.write`. */
export class DocumentWriter {
  readonly #table: DocumentTable;
  readonly #reader: DocumentReader;

  constructor(table: DocumentTable, reader: DocumentReader) {
    this.#table = table;
    this.#reader = reader;
  }

  /** Inserts a document, which is given an _id if it has none, and returns the _id. */
  insert(document: Document): unknown {
    if (document['_id'] === undefined) document['_id'] = new mongoose.mongo.ObjectId();
    this.#table.insert(encodeDocument(document));
    return document['_id'];
  }

  /** Updates what matches: the first in the order of `sort` when there is a `limit`. */
  update(
    filter: Filter,
    update: UpdateOperators,
    options: UpdateOptions & Pick<FindOptions, 'limit' | 'sort'>,
  ): UpdateResult {
    const matches = this.#reader.matches(filter, { limit: options.limit, sort: options.sort });
    if (matches.length === 0 && options.upsert) return this.#upsert(upsertDocument(filter, update, options));
    let modifiedCount = 0;
    for (const match of matches) {
      const next = decodeDocument(match.bytes);
      applyUpdate(next, update, { filter, arrayFilters: options.arrayFilters });
      if (this.#store(match, next)) modifiedCount++;
    }
    return { ...NOTHING, matchedCount: matches.length, modifiedCount };
  }

  replace(filter: Filter, replacement: Document, options: UpdateOptions): UpdateResult {
    const [match] = this.#reader.matches(filter, { limit: 1 });
    if (!match) {
      if (!options.upsert) return NOTHING;
      return this.#upsert({ ...upsertDocument(filter, {}, {}), ...replacement });
    }
    const modified = this.#store(match, { ...replacement, _id: match.document['_id'] });
    return { ...NOTHING, matchedCount: 1, modifiedCount: modified ? 1 : 0 };
  }

  /** Returns how many were deleted: all that match, or `limit`. */
  delete(filter: Filter, limit?: number): number {
    const matches = this.#reader.matches(filter, { limit });
    for (const { rid, document } of matches) this.#table.delete(rid, document);
    return matches.length;
  }

  /** Runs `change` over the first match, and says what was or is there. */
  modify(filter: Filter, options: ModifyOptions, change: (only: Filter) => UpdateResult | void): ModifyResult {
    const before = this.#reader.matches(filter, { ...options, limit: 1 })[0]?.document;
    if (!before && !options.upsert) return { value: null, updatedExisting: false };
    const done = change(before ? { $and: [{ _id: before['_id'] }, filter] } : filter);
    const { projection } = options;
    const id = before ? before['_id'] : done?.upsertedId;
    const [value] =
      options.returnDocument === 'after'
        ? this.#reader.documents({ _id: id }, { projection })
        : project(before ? [before] : [], projection);
    return { value: value ?? null, updatedExisting: before !== undefined, upserted: before ? undefined : id };
  }

  #upsert(document: Document): UpdateResult {
    return { ...NOTHING, upsertedCount: 1, upsertedId: this.insert(document) };
  }

  /** Whether there was anything to change. */
  #store({ rid, bytes, document }: Match, { _id, ...rest }: Document): boolean {
    const next = encodeDocument({ _id, ...rest });
    if (Buffer.compare(next, bytes) === 0) return false;
    this.#table.replace(rid, document, next);
    return true;
  }
}
