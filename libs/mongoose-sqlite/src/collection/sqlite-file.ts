import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { AppError } from '@certferry/core';

interface PendingWrite {
  /** Does the work; what it returns settles the caller's promise once all is on the disk. */
  run: () => () => void;
  reject: (error: unknown) => void;
}

/**
 * One SQLite file. Writes that are asked for in the same turn of the event loop share one transaction and one fsync
 * (each has a savepoint of its own); their promises settle when it is on the disk.
 */
export class SqliteFile {
  readonly #sqlite: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #rollbackListeners: (() => void)[] = [];
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

  /** Runs `run` in the next shared transaction. */
  write<T>(run: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#pending.length === 0) setImmediate(() => this.#flush());
      const pending = () => {
        const value = run();
        return () => resolve(value);
      };
      this.#pending.push({ run: pending, reject });
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

  /** The rows of a statement, read as they are asked for. `Row` is what its SELECT names. */
  rows<Row>(sql: string, ...parameters: SQLInputValue[]): Iterable<Row> {
    // A cast: node:sqlite cannot know the columns; each caller states them beside its SELECT.
    return this.prepare(sql).iterate(...parameters) as Iterable<unknown> as Iterable<Row>;
  }

  /** The first row of a statement. `Row` is what its SELECT names. */
  row<Row>(sql: string, ...parameters: SQLInputValue[]): Row | undefined {
    return this.prepare(sql).get(...parameters) as Row | undefined; // A cast for the same reason.
  }

  /** Calls `forget` when something was undone: who remembers what is in the file must then read it again. */
  onRollback(forget: () => void): void {
    this.#rollbackListeners.push(forget);
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
      this.#undone();
      throw error;
    }
  }

  #flush(): void {
    const writes = this.#pending;
    this.#pending = [];
    const settle: (() => void)[] = [];
    try {
      this.prepare('BEGIN IMMEDIATE').run();
      for (const { run, reject } of writes) {
        try {
          settle.push(this.savepoint(run));
        } catch (error) {
          settle.push(() => reject(error));
        }
      }
      this.prepare('COMMIT').run();
    } catch (error) {
      if (this.#sqlite.isOpen && this.#sqlite.isTransaction) this.prepare('ROLLBACK').run();
      this.#undone();
      for (const { reject } of writes) reject(error);
      return;
    }
    for (const done of settle) done();
  }

  #undone(): void {
    for (const forget of this.#rollbackListeners) forget();
  }

  close(): void {
    if (!this.#sqlite.isOpen) return;
    if (this.#pending.length > 0) this.#flush();
    this.#sqlite.close();
  }
}
