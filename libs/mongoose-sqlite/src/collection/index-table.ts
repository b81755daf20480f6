import type { Buffer } from 'node:buffer';
import type { Document } from '../query/document.ts';
import type { IndexDefinition } from '../query/index-definition.ts';
import { indexKeys } from '../query/index-keys.ts';
import type { KeyRange, PlannableIndex } from '../query/plan-query.ts';
import { duplicateKey } from './duplicate-key.ts';
import { quoteName } from './quote-name.ts';
import type { SqliteFile } from './sqlite-file.ts';

/** One index of a collection: a table of (key, row of the document). */
export class IndexTable implements PlannableIndex {
  readonly definition: IndexDefinition;
  readonly table: string;
  readonly #file: SqliteFile;
  readonly #collection: string;
  #multikey: boolean;

  constructor(file: SqliteFile, collection: string, { definition, multikey }: PlannableIndex) {
    this.#file = file;
    this.#collection = collection;
    this.definition = definition;
    this.#multikey = multikey;
    this.table = quoteName(`index:${collection}:${definition.name}`);
  }

  get multikey(): boolean {
    return this.#multikey;
  }

  create(): void {
    this.#file.exec(
      `CREATE TABLE ${this.table} (k BLOB NOT NULL, rid INTEGER NOT NULL, PRIMARY KEY (k, rid)) WITHOUT ROWID`,
    );
    this.#file
      .prepare('INSERT INTO indexes (collection, name, definition) VALUES (?, ?, ?)')
      .run(this.#collection, this.definition.name, JSON.stringify(this.definition));
  }

  drop(): void {
    this.#file.exec(`DROP TABLE ${this.table}`);
    this.#file
      .prepare('DELETE FROM indexes WHERE collection = ? AND name = ?')
      .run(this.#collection, this.definition.name);
  }

  /** The rows of `documents` whose keys are in the range, in the order of the keys; a document with several keys comes as often. */
  rows<Row>(documents: string, { from, to }: KeyRange, reverse: boolean): Iterable<Row> {
    const where = to ? 'k >= ? AND k < ?' : 'k >= ?';
    const sql = `SELECT d.rid, d.doc FROM ${this.table} x CROSS JOIN ${documents} d ON d.rid = x.rid WHERE ${where} ORDER BY x.k ${reverse ? 'DESC' : 'ASC'}`;
    return this.#file.rows<Row>(sql, ...(to ? [from, to] : [from]));
  }

  /** Replaces the keys of a document as it was by those of what it becomes; undefined: it was or will not be there. */
  replaceKeys(rid: number, before: Document | undefined, after: Document | undefined): void {
    const old = before ? indexKeys(this.definition, before).keys : [];
    const fresh = after ? indexKeys(this.definition, after) : { keys: [], multikey: false };
    const kept = new Set(fresh.keys.map(asText));
    const had = new Set(old.map(asText));
    for (const key of old) {
      if (!kept.has(asText(key))) this.#file.prepare(`DELETE FROM ${this.table} WHERE k = ? AND rid = ?`).run(key, rid);
    }
    for (const key of fresh.keys) if (!had.has(asText(key))) this.#add(key, rid, after!);
    if (fresh.multikey && !this.#multikey) this.#markMultikey();
  }

  #add(key: Buffer, rid: number, document: Document): void {
    if (this.definition.unique && this.#file.row(`SELECT 1 FROM ${this.table} WHERE k = ?`, key)) {
      throw duplicateKey(this.#collection, this.definition, document);
    }
    this.#file.prepare(`INSERT INTO ${this.table} (k, rid) VALUES (?, ?)`).run(key, rid);
  }

  #markMultikey(): void {
    this.#multikey = true;
    this.#file
      .prepare('UPDATE indexes SET multikey = 1 WHERE collection = ? AND name = ?')
      .run(this.#collection, this.definition.name);
  }
}

const asText = (key: Buffer): string => key.toString('latin1');
