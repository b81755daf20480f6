import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { invalid, notFound, type Clock } from '@certferry/core';
import type { Database } from '@certferry/database';
import { scope, type Scope } from '@certferry/rest';
import mongoose, { type Model } from 'mongoose';

export interface ApiKey {
  _id: string;
  name: string;
  /** SHA-256 of the whole key; the key itself is shown once and not kept. */
  hash: string;
  scopes: Scope[];
  expiresAt?: Date;
  lastUsedAt?: Date;
  createdAt: Date;
}

const schema = new mongoose.Schema<ApiKey>(
  {
    _id: String,
    name: String,
    hash: String,
    scopes: { type: [String], default: undefined },
    expiresAt: Date,
    lastUsedAt: Date,
    createdAt: Date,
  },
  { versionKey: false },
);

const FORMAT = /^cf_([0-9a-f]{16})_[A-Za-z0-9_-]{43}([0-9a-f]{8})$/;
const USED_EVERY_MS = 60_000;
const BOOTSTRAP_ID = 'admin';
const MIN_BOOTSTRAP_CHARACTERS = 20;

const digest = (text: string): string => hash('sha256', text);

/** `cf_<id>_<32 random bytes><checksum>`: a typing error is told from a wrong key without asking the database. */
function makeKey(id: string): string {
  const body = `cf_${id}_${randomBytes(32).toString('base64url')}`;
  return body + digest(body).slice(0, 8);
}

/** The API keys; of each only its hash. */
export class ApiKeys {
  readonly #model: Model<ApiKey>;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#model = database.model<ApiKey>('api_keys', schema);
    this.#clock = clock;
  }

  /** The key's record if it is right and has not expired. */
  async authenticate(text: string): Promise<ApiKey | undefined> {
    const [, id, checksum] = FORMAT.exec(text) ?? [];
    if (id && digest(text.slice(0, -8)).slice(0, 8) !== checksum) return undefined;
    const candidates = [id, BOOTSTRAP_ID].filter((one) => one !== undefined);
    const found = (await this.#model.find({ _id: { $in: candidates } }).lean()) as ApiKey[];
    const actual = Buffer.from(digest(text), 'hex');
    const key = found.find((one) => timingSafeEqual(Buffer.from(one.hash, 'hex'), actual));
    const now = this.#clock.now();
    if (!key || (key.expiresAt && key.expiresAt <= now)) return undefined;
    if (!key.lastUsedAt || now.getTime() - key.lastUsedAt.getTime() > USED_EVERY_MS) {
      await this.#model.updateOne({ _id: key._id }, { $set: { lastUsedAt: now } });
    }
    return key;
  }

  /** Makes a key; `text` is shown to the caller and then forgotten. */
  async create(of: { name: string; scopes: Scope[]; expiresAt?: Date }): Promise<{ key: ApiKey; text: string }> {
    if (of.expiresAt && of.expiresAt <= this.#clock.now())
      throw invalid('INVALID_FIELD', 'expiresAt is in the past.', { field: 'expiresAt' });
    const id = randomBytes(8).toString('hex');
    const text = makeKey(id);
    const key: ApiKey = { _id: id, ...of, hash: digest(text), createdAt: this.#clock.now() };
    await this.#model.create(key);
    return { key, text };
  }

  /** The key's record while it is valid: what a token stands for. */
  async find(id: string): Promise<ApiKey | undefined> {
    const key = (await this.#model.findById(id).lean()) as ApiKey | null;
    return key && !(key.expiresAt && key.expiresAt <= this.#clock.now()) ? key : undefined;
  }

  async list(): Promise<ApiKey[]> {
    return await this.#model.find().sort({ createdAt: 1 }).limit(1_000).lean();
  }

  /** The names of these keys by id; of a key that was deleted none. */
  async namesOf(ids: Iterable<string>): Promise<Map<string, string>> {
    const wanted = [...new Set(ids)].filter((id) => id !== '');
    if (wanted.length === 0) return new Map();
    const found = await this.#model.find({ _id: { $in: wanted } }, { name: 1 }).lean();
    return new Map(found.map(({ _id, name }) => [_id, name]));
  }

  async delete(id: string): Promise<void> {
    if ((await this.#model.deleteOne({ _id: id })).deletedCount === 0) throw notFound('API key', id);
  }

  /**
   * The key of the first administrator: the given one, else the one in `path`, else a new one that is written there
   * (0600). Answers the path when it was made.
   */
  async bootstrap(given: string | undefined, path: string): Promise<string | undefined> {
    if (given !== undefined && given.length < MIN_BOOTSTRAP_CHARACTERS) {
      throw invalid(
        'INVALID_CONFIG',
        `CERTFERRY_BOOTSTRAP_API_KEY must have at least ${MIN_BOOTSTRAP_CHARACTERS} characters.`,
      );
    }
    const fresh = given === undefined && !existsSync(path);
    if (fresh)
      writeFileSync(path, `${makeKey(randomBytes(8).toString('hex'))}\n`, { mode: 0o600, flag: 'wx', flush: true });
    const text = given ?? readFileSync(path, 'utf8').trim();
    await this.#model.updateOne(
      { _id: BOOTSTRAP_ID },
      {
        $set: { name: 'Administrator', hash: digest(text), scopes: [...scope.options] },
        $setOnInsert: { createdAt: this.#clock.now() },
      },
      { upsert: true },
    );
    return fresh ? path : undefined;
  }
}
