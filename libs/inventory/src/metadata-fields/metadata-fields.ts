import { isDuplicateKey, Numbers, type Database } from '@certferry/database';
import mongoose, { type Model } from 'mongoose';

export interface MetadataField {
  number: number;
  name: string;
}

const schema = new mongoose.Schema<{ _id: string; number: number }>(
  { _id: String, number: Number },
  { versionKey: false },
);

const MAX_LISTED = 1_000;

/** The keys that metadata was given under, each with a number of its own. */
export class MetadataFields {
  readonly #model: Model<{ _id: string; number: number }>;
  readonly #numbers: Numbers;
  readonly #known = new Set<string>();

  constructor(database: Database) {
    this.#model = database.model('metadata_fields', schema);
    this.#numbers = new Numbers(database, 'metadata_fields');
  }

  /** Remembers keys; those that are known already cost nothing. */
  async note(names: string[]): Promise<void> {
    for (const name of names) {
      if (this.#known.has(name)) continue;
      if (!(await this.#model.exists({ _id: name }))) {
        const number = await this.#numbers.next();
        await this.#model.create({ _id: name, number }).catch((error: unknown) => {
          if (!isDuplicateKey(error)) throw error;
        });
      }
      this.#known.add(name);
    }
  }

  async list(): Promise<MetadataField[]> {
    const found = await this.#model.find().sort({ _id: 1 }).limit(MAX_LISTED).lean();
    return found.map(({ _id: name, number }) => ({ name, number }));
  }
}
