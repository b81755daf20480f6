import { toBuffer, type Database } from '@certferry/database';
import mongoose, { type Model } from 'mongoose';

interface Chunk {
  _id: string;
  importId: string;
  content: Buffer;
  createdAt: Date;
}

const chunkSchema = new mongoose.Schema<Chunk>(
  { _id: String, importId: String, content: Buffer, createdAt: Date },
  { versionKey: false },
);
chunkSchema.index({ importId: 1 });
chunkSchema.index({ createdAt: 1 });

const chunkId = (importId: string, position: number): string => `${importId}:${String(position).padStart(6, '0')}`;

/** The archives of bulk imports, kept in the database in pieces until they are taken in. */
export class Archives {
  readonly #chunks: Model<Chunk>;

  constructor(database: Database) {
    this.#chunks = database.model<Chunk>('bulk_import_chunks', chunkSchema);
  }

  async addChunk(importId: string, position: number, { bytes, at }: { bytes: Uint8Array; at: Date }): Promise<void> {
    const _id = chunkId(importId, position);
    await this.#chunks.create({ _id, importId, content: Buffer.from(bytes), createdAt: at });
  }

  /** The archive, piece by piece. */
  async *read(importId: string): AsyncGenerator<Buffer> {
    for (let position = 0; ; position++) {
      const chunk = (await this.#chunks.findById(chunkId(importId, position)).lean()) as Chunk | null;
      if (!chunk) return;
      yield toBuffer(chunk.content);
    }
  }

  async delete(importId: string): Promise<void> {
    await this.#chunks.deleteMany({ importId });
  }

  /** Imports of which there are pieces from before a moment. */
  async olderThan(moment: Date): Promise<string[]> {
    return await this.#chunks.distinct('importId', { createdAt: { $lt: moment } });
  }
}
