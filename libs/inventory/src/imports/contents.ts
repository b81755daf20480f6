import { toBuffer, type Database } from '@certferry/database';
import type { SecretKeeper } from '@certferry/secrets';
import mongoose, { type Model } from 'mongoose';

interface Chunk {
  _id: string;
  importId: string;
  content: Buffer;
  /** Absent in those from before contents were sealed. */
  sealed?: boolean;
  createdAt: Date;
}

const chunkSchema = new mongoose.Schema<Chunk>(
  { _id: String, importId: String, content: Buffer, sealed: Boolean, createdAt: Date },
  { versionKey: false },
);
chunkSchema.index({ importId: 1 });
chunkSchema.index({ createdAt: 1 });

const chunkId = (importId: string, position: number): string => `${importId}:${String(position).padStart(6, '0')}`;
const sealContext = (id: string): string => `import content ${id}`;

/** What is to be taken in, kept in the database in sealed pieces until it is: there are keys in it. */
export class Contents {
  readonly #chunks: Model<Chunk>;
  readonly #secrets: SecretKeeper;

  constructor(database: Database, secrets: SecretKeeper) {
    this.#chunks = database.model<Chunk>('bulk_import_chunks', chunkSchema);
    this.#secrets = secrets;
  }

  async addChunk(importId: string, position: number, { bytes, at }: { bytes: Uint8Array; at: Date }): Promise<void> {
    const _id = chunkId(importId, position);
    const content = this.#secrets.seal(bytes, sealContext(_id));
    await this.#chunks.create({ _id, importId, content, sealed: true, createdAt: at });
  }

  /** The content, piece by piece. */
  async *read(importId: string): AsyncGenerator<Buffer> {
    for (let position = 0; ; position++) {
      const _id = chunkId(importId, position);
      const chunk = (await this.#chunks.findById(_id).lean()) as Chunk | null;
      if (!chunk) return;
      const content = toBuffer(chunk.content);
      yield chunk.sealed ? this.#secrets.open(content, sealContext(_id)) : content;
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
