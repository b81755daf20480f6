import type { Database } from '@certferry/database';
import { hash } from 'node:crypto';
import mongoose, { type Model } from 'mongoose';

/** What is remembered of a file in a watched folder. */
export interface WatchedFile {
  _id: string;
  folder: string;
  /** Below the folder. */
  path: string;
  /** SHA-256 of its content, hexadecimal. */
  digest: string;
  size: number;
  mtimeMs: number;
  outcome: 'importing' | 'imported' | 'failed';
  /** Of the import that was made of it; of that of another file with this content. */
  importId: string;
}

const schema = new mongoose.Schema<WatchedFile>(
  {
    _id: String,
    folder: String,
    path: String,
    digest: String,
    size: Number,
    mtimeMs: Number,
    outcome: String,
    importId: String,
  },
  { versionKey: false },
);
schema.index({ folder: 1, outcome: 1 });

/** Which files of watched folders were imported: what has not changed is not imported again. */
export class WatchedFiles {
  readonly #model: Model<WatchedFile>;

  constructor(database: Database) {
    this.#model = database.model<WatchedFile>('watched_files', schema);
  }

  /** By their path. */
  async of(folder: string): Promise<Map<string, WatchedFile>> {
    const found = (await this.#model.find({ folder }).lean()) as WatchedFile[];
    return new Map(found.map((file) => [file.path, file]));
  }

  async save({ folder, path, digest, size, mtimeMs, outcome, importId }: Omit<WatchedFile, '_id'>): Promise<void> {
    const _id = hash('sha256', `${folder}\0${path}`, 'hex');
    const file = { folder, path, digest, size, mtimeMs, outcome, importId };
    await this.#model.updateOne({ _id }, { $set: file }, { upsert: true });
  }
}
