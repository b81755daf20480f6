import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { AppError } from '@certferry/core';
import { SqliteCollection } from './sqlite-collection.ts';
import { unsupported } from './unsupported.ts';

interface PendingWrite {
  run: () => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

/**
 * One SQLite file as a MongoDB database. Writes that are asked for in the same turn of the event loop share one
 * transaction and one fsync (each has a savepoint of its own); their promises settle when it is on the disk.
 */
export class SqliteDatabase {
  readonly databaseName = 'certferry';
  readonly #sqlite: DatabaseSync;
  readonly #collections = new Map<string, SqliteCollection>();
  readonly #statements = new Map<string, StatementSync>();
  #pending: PendingWrite[] = [];

  /** Opens `<folder>/certferry.sqlite`, made if it is not there. FAILED_PRECONDITION when another process has it open. */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#sqlite = new DatabaseSync(join(folder, 'certferry.sqlite'));
    try {
      this.#sqlite.exec(
        'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -65536',
      );
      this.#sqlite.exec(
        'CREATE TABLE IF NOT EXISTS indexes (collection TEXT, name TEXT, definition TEXT, multikey INTEGER DEFAULT 0, PRIMARY KEY (collection, name))',
      );
      this.#sqlite.exec('CREATE TABLE IF NOT EXISTS collections (name TEXT PRIMARY KEY)');
    } catch (error) {
      this.#sqlite.close();
      const message = `The database in ${folder} is open in another process; stop it or choose another data folder.`;
      throw new AppError({ code: 'FAILED_PRECONDITION', reason: 'DATABASE_IN_USE', message, cause: error });
    }
  }

  collection(name: string): SqliteCollection {
    let collection = this.#collections.get(name);
    if (!collection) {
      collection = new SqliteCollection(this, name);
      this.#collections.set(name, collection);
    }
    return collection;
  }

  async createCollection(name: string): Promise<SqliteCollection> {
    return await Promise.resolve(this.collection(name));
  }

  listCollections(): { toArray: () => Promise<{ name: string; type: string }[]> } {
    const names = this.prepare('SELECT name FROM collections ORDER BY name').all() as { name: string }[];
    return { toArray: () => Promise.resolve(names.map(({ name }) => ({ name, type: 'collection' }))) };
  }

  /** Only what tells the time and whether the server is there. */
  async command(command: Record<string, unknown>): Promise<Record<string, unknown>> {
    const [name] = Object.keys(command);
    if (name !== 'ping' && name !== 'isMaster') throw unsupported(`the command ${String(name)}`);
    this.prepare('SELECT 1').get();
    return await Promise.resolve({ ok: 1, ...(name === 'isMaster' && { localTime: new Date() }) });
  }

  /** Runs `run` in the next shared transaction. */
  write<T>(run: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#pending.length === 0) setImmediate(() => this.#flush());
      this.#pending.push({ run, resolve: resolve as (value: unknown) => void, reject });
    });
  }

  /** A statement, compiled once. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#sqlite.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  exec(sql: string): void {
    this.#sqlite.exec(sql);
  }

  /** Runs `run` so that what it changed is undone if it throws. Only inside `write`. */
  savepoint<T>(run: () => T): T {
    this.prepare('SAVEPOINT operation').run();
    try {
      const value = run();
      this.prepare('RELEASE operation').run();
      return value;
    } catch (error) {
      this.prepare('ROLLBACK TO operation').run();
      this.prepare('RELEASE operation').run();
      throw error;
    }
  }

  #flush(): void {
    const writes = this.#pending;
    this.#pending = [];
    const settle: (() => void)[] = [];
    try {
      this.prepare('BEGIN IMMEDIATE').run();
      for (const { run, resolve, reject } of writes) {
        try {
          const value = this.savepoint(run);
          settle.push(() => resolve(value));
        } catch (error) {
          settle.push(() => reject(error));
        }
      }
      this.prepare('COMMIT').run();
    } catch (error) {
      if (this.#sqlite.isOpen && this.#sqlite.isTransaction) this.prepare('ROLLBACK').run();
      for (const { reject } of writes) reject(error);
      return;
    }
    for (const done of settle) done();
  }

  close(): void {
    if (!this.#sqlite.isOpen) return;
    if (this.#pending.length > 0) this.#flush();
    this.#sqlite.close();
  }
}
