import { AppError } from '@certferry/core';
import { useSqlite } from '@certferry/mongoose-sqlite';
import mongoose, { Mongoose, type Connection, type Model, type Schema } from 'mongoose';

export interface Database {
  /** Registers a collection under its name and its declared indexes. Same name, same model. */
  model<T>(name: string, schema: Schema<T>): Model<T>;
  /** Waits until every declared index is there. Call it once, after the models are registered. */
  ready(): Promise<void>;
  /** The time on the database's own clock: leases of several machines compare by it. */
  now(): Promise<Date>;
  /** UNAVAILABLE when the database does not answer. */
  ping(): Promise<void>;
  /** Whether no other process can have it open, so that what was leased before this start is free. */
  readonly exclusive: boolean;
  readonly connection: Connection;
  close(): Promise<void>;
}

/** Acknowledged means: on the disks of a majority. These win over what the URL says. */
const MONGODB_OPTIONS = {
  w: 'majority',
  journal: true,
  readConcernLevel: 'majority',
  retryWrites: true,
  serverSelectionTimeoutMS: 5_000,
} as const;

/**
 * Opens `mongodb://…` or `embedded:<folder>`.
 * Throws UNAVAILABLE when MongoDB does not answer in 5 s, FAILED_PRECONDITION for a folder that another process has
 * open, INVALID_ARGUMENT for another kind of URL.
 */
export async function openDatabase(url: string): Promise<Database> {
  if (url.startsWith('embedded:')) {
    const connection = useSqlite(new Mongoose()).createConnection();
    await connection.openUri(url);
    return createDatabase(connection, true);
  }
  if (!/^mongodb(\+srv)?:\/\//.test(url)) {
    const message = 'CERTFERRY_DATABASE_URL must start with "mongodb://", "mongodb+srv://" or "embedded:".';
    throw new AppError({ code: 'INVALID_ARGUMENT', reason: 'INVALID_DATABASE_URL', message });
  }
  const connection = mongoose.createConnection();
  try {
    await connection.openUri(url, MONGODB_OPTIONS);
  } catch (error) {
    const message = 'MongoDB does not answer; check CERTFERRY_DATABASE_URL and that the server is up.';
    throw new AppError({ code: 'UNAVAILABLE', reason: 'DATABASE_UNAVAILABLE', message, cause: error });
  }
  return createDatabase(connection, false);
}

function createDatabase(connection: Connection, exclusive: boolean): Database {
  const admin = () => connection.db!;
  return {
    connection,
    exclusive,
    // mongoose adds what a schema's options infer to the model's type; the schemas here have none of it.
    model: <T>(name: string, schema: Schema<T>) =>
      (connection.models[name] as Model<T> | undefined) ??
      (connection.model(name, schema, name) as unknown as Model<T>),
    ready: async () => {
      await Promise.all(Object.values(connection.models).map((model) => model.init()));
    },
    now: async () => (await admin().command({ isMaster: 1 }))['localTime'] as Date,
    ping: async () => {
      try {
        await admin().command({ ping: 1 });
      } catch (error) {
        throw new AppError({
          code: 'UNAVAILABLE',
          reason: 'DATABASE_UNAVAILABLE',
          message: 'The database does not answer.',
          cause: error,
        });
      }
    },
    close: () => connection.close(),
  };
}

/** Whether a write failed because a unique index already has its value (MongoDB's error 11000). */
export function isDuplicateKey(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 11000;
}

/** Bytes as they come from `lean()`: MongoDB's driver gives Binary, the embedded one Buffer. */
export function toBuffer(bytes: unknown): Buffer {
  return Buffer.from(bytes instanceof mongoose.mongo.Binary ? bytes.buffer : (bytes as Uint8Array));
}
