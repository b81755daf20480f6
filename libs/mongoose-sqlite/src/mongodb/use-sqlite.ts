import { createRequire } from 'node:module';
import type { Connection, Mongoose } from 'mongoose';
import { SqliteDb } from './sqlite-db.ts';

interface NativeDriver {
  Connection: new () => Connection & { collections: Record<string, { onOpen(): void }>; onOpen(): void };
}

// A cast: mongoose's own extension point is untyped; this is the one file that reaches into it.
const native = createRequire(import.meta.url)('mongoose/lib/drivers/node-mongodb-native') as NativeDriver;

/** mongoose's connection to MongoDB, with the client replaced. */
class SqliteConnection extends native.Connection {
  async createClient(uri: string, options: Record<string, unknown> = {}): Promise<this> {
    const database = new SqliteDb(uri.replace(/^embedded:/, ''));
    const client = { close: () => Promise.resolve(database.close()), db: () => database };
    const { autoIndex, autoCreate } = options;
    Object.assign(this.config, { autoIndex: autoIndex ?? true, autoCreate: autoCreate ?? true });
    Object.assign(this, { client, db: database, name: database.databaseName, _connectionString: uri, readyState: 1 });
    this.onOpen();
    for (const collection of Object.values(this.collections)) collection.onOpen();
    return await Promise.resolve(this);
  }
}

/** Gives a Mongoose instance the embedded driver: its connections then open `embedded:<folder>`. */
export function useSqlite(mongoose: Mongoose): Mongoose {
  mongoose.setDriver({ ...native, Connection: SqliteConnection });
  return mongoose;
}
