import { DocumentTable } from '../collection/document-table.ts';
import { SqliteFile } from '../collection/sqlite-file.ts';
import { unsupported } from '../query/unsupported.ts';
import { SqliteCollection } from './sqlite-collection.ts';

/** The operations of MongoDB's Db that mongoose calls, over one SQLite file. */
export class SqliteDb {
  readonly databaseName = 'certferry';
  readonly #file: SqliteFile;
  readonly #collections = new Map<string, SqliteCollection>();

  /** FAILED_PRECONDITION when another process has the folder's database open. */
  constructor(folder: string) {
    this.#file = new SqliteFile(folder);
  }

  collection(name: string): SqliteCollection {
    let collection = this.#collections.get(name);
    if (!collection) {
      collection = new SqliteCollection(this.#file, new DocumentTable(this.#file, name));
      this.#collections.set(name, collection);
    }
    return collection;
  }

  async createCollection(name: string): Promise<SqliteCollection> {
    return await Promise.resolve(this.collection(name));
  }

  listCollections(): { toArray: () => Promise<{ name: string; type: string }[]> } {
    const rows = [...this.#file.rows<{ name: string }>('SELECT name FROM collections ORDER BY name')];
    return { toArray: () => Promise.resolve(rows.map(({ name }) => ({ name, type: 'collection' }))) };
  }

  /** Only what tells the time and whether the server is there. */
  async command(command: Record<string, unknown>): Promise<Record<string, unknown>> {
    const [name] = Object.keys(command);
    if (name !== 'ping' && name !== 'isMaster') throw unsupported(`the command ${String(name)}`);
    this.#file.row('SELECT 1');
    return await Promise.resolve({ ok: 1, ...(name === 'isMaster' && { localTime: new Date() }) });
  }

  close(): void {
    this.#file.close();
  }
}
