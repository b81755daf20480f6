import mongoose from 'mongoose';
import type { Document } from '../query/document.ts';
import type { IndexDefinition } from '../query/index-definition.ts';
import { encodeKey } from '../query/key-encoding.ts';
import type { Plan } from '../query/plan-query.ts';
import { duplicateKey } from './duplicate-key.ts';
import { IndexTable } from './index-table.ts';
import { quoteName } from './quote-name.ts';
import type { SqliteFile } from './sqlite-file.ts';

const { BSON, MongoServerError } = mongoose.mongo;

/** A document as it is stored. */
export interface Row {
  rid: number;
  doc: Uint8Array;
}

const ID_INDEX = { name: '_id_', fields: [{ path: '_id', descending: false }] };

export const decodeDocument = (bytes: Uint8Array): Document => BSON.deserialize(bytes, { promoteBuffers: true });
export const encodeDocument = (document: Document): Uint8Array => BSON.serialize(document, { ignoreUndefined: false });

/** What a collection is in the file: a table of BSON, and one of keys for each index. All that writes runs inside `SqliteFile.write`. */
export class DocumentTable {
  readonly name: string;
  readonly #file: SqliteFile;
  readonly #table: string;
  #indexes: IndexTable[] | undefined;

  constructor(file: SqliteFile, name: string) {
    this.#file = file;
    this.name = name;
    this.#table = quoteName(`documents:${name}`);
    file.onRollback(() => {
      this.#indexes = undefined;
    });
  }

  /** The indexes; makes the collection's table on first use. */
  indexes(): readonly IndexTable[] {
    if (this.#indexes) return this.#indexes;
    const create = `CREATE TABLE IF NOT EXISTS ${this.#table} (rid INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, doc BLOB NOT NULL)`;
    this.#file.exec(create);
    this.#file.prepare('INSERT OR IGNORE INTO collections (name) VALUES (?)').run(this.name);
    const rows = this.#file.rows<{ definition: string; multikey: number }>(
      'SELECT definition, multikey FROM indexes WHERE collection = ? ORDER BY rowid',
      this.name,
    );
    this.#indexes = Array.from(rows, ({ definition, multikey }) => {
      // A cast: what stands in the column was written by IndexTable.create.
      const index = { definition: JSON.parse(definition) as IndexDefinition, multikey: multikey === 1 };
      return new IndexTable(this.#file, this.name, index);
    });
    return this.#indexes;
  }

  count(): number {
    this.indexes();
    return this.#file.row<{ n: number }>(`SELECT count(*) AS n FROM ${this.#table}`)!.n;
  }

  /** The documents that a plan reads, in its order; one may come several times. */
  *rows(plan: Plan): Generator<Row> {
    const indexes = this.indexes();
    if (plan.stage === 'COLLSCAN') {
      yield* this.#file.rows<Row>(`SELECT rid, doc FROM ${this.#table} ORDER BY rid`);
    } else if (plan.stage === 'IDHACK') {
      for (const key of plan.keys) {
        const row = this.#file.row<Row>(`SELECT rid, doc FROM ${this.#table} WHERE id = ?`, key);
        if (row) yield row;
      }
    } else {
      const index = indexes.find((one) => one.definition.name === plan.index.name)!;
      for (const range of plan.ranges) yield* index.rows<Row>(this.#table, range, plan.reverse);
    }
  }

  /** Stores a new document with its keys. Throws MongoDB's error 11000 when its _id or a unique key is there. */
  insert(bytes: Uint8Array): void {
    this.indexes();
    const document = decodeDocument(bytes);
    const id = encodeKey(document['_id']);
    if (this.#file.row(`SELECT 1 FROM ${this.#table} WHERE id = ?`, id)) {
      throw duplicateKey(this.name, ID_INDEX, document);
    }
    const insert = this.#file.prepare(`INSERT INTO ${this.#table} (id, doc) VALUES (?, ?)`);
    this.#replaceKeys(Number(insert.run(id, bytes).lastInsertRowid), undefined, document);
  }

  replace(rid: number, before: Document, bytes: Uint8Array): void {
    const after = decodeDocument(bytes);
    if (!encodeKey(after['_id']).equals(encodeKey(before['_id']))) {
      throw new MongoServerError({ message: 'The field _id cannot be changed', code: 66 });
    }
    this.#file.prepare(`UPDATE ${this.#table} SET doc = ? WHERE rid = ?`).run(bytes, rid);
    this.#replaceKeys(rid, before, after);
  }

  delete(rid: number, before: Document): void {
    this.#file.prepare(`DELETE FROM ${this.#table} WHERE rid = ?`).run(rid);
    this.#replaceKeys(rid, before, undefined);
  }

  #replaceKeys(rid: number, before: Document | undefined, after: Document | undefined): void {
    for (const index of this.indexes()) index.replaceKeys(rid, before, after);
  }

  /** Makes the index and fills it; the same index again is nothing, another under its name an error (MongoDB's code 86). */
  createIndex(definition: IndexDefinition): void {
    const { name } = definition;
    const existing = this.indexes().find((index) => index.definition.name === name);
    if (existing && JSON.stringify(existing.definition) === JSON.stringify(definition)) return;
    if (existing) {
      throw new MongoServerError({ message: `An index named ${name} exists with other options`, code: 86 });
    }
    const index = new IndexTable(this.#file, this.name, { definition, multikey: false });
    index.create();
    for (const { rid, doc } of [...this.rows({ stage: 'COLLSCAN', sorted: true })]) {
      index.replaceKeys(rid, undefined, decodeDocument(doc));
    }
    this.#indexes!.push(index);
  }

  /** Throws MongoDB's error 27 when there is no such index. */
  dropIndex(name: string): void {
    const index = this.indexes().find((one) => one.definition.name === name);
    if (!index) throw new MongoServerError({ message: `index not found with name [${name}]`, code: 27 });
    index.drop();
    this.#indexes = this.#indexes!.filter((one) => one !== index);
  }

  /** Removes the collection and all that belongs to it. */
  drop(): void {
    for (const index of this.indexes()) index.drop();
    this.#file.exec(`DROP TABLE ${this.#table}`);
    this.#file.prepare('DELETE FROM collections WHERE name = ?').run(this.name);
    this.#indexes = undefined;
  }
}
