import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import mongoose, { type Model } from 'mongoose';
import type { GatewayContext } from '../../gateway-context.ts';
import type { ApiKey } from '../../security/api-keys.ts';

/** What a token may be used from. */
export type Binding = { to: 'anywhere' } | { to: 'referer' | 'ip'; value: string };

interface Token {
  /** SHA-256 of the token; the token itself is not kept. */
  _id: string;
  apiKeyId: string;
  user: string;
  binding: Binding;
  expiresAt: Date;
}

const schema = new mongoose.Schema<Token>(
  { _id: String, apiKeyId: String, user: String, binding: Object, expiresAt: Date },
  { versionKey: false },
);
schema.index({ expiresAt: 1 });

const DEFAULT_MINUTES = 120;
const MAX_MINUTES = 20_160;
const PRUNE_EVERY = 100;

/** Minutes asked for: 120 for nothing or nonsense, at most 14 days. */
export function readMinutes(text: string | undefined): number {
  const minutes = Number(text ?? '');
  return Number.isFinite(minutes) && minutes >= 1 ? Math.min(Math.floor(minutes), MAX_MINUTES) : DEFAULT_MINUTES;
}

/** Tokens: references to an API key for a while, bound to a referer or an address. */
export class Tokens {
  readonly #context: GatewayContext;
  readonly #model: Model<Token>;
  readonly #stateKey: Uint8Array;
  #made = 0;

  constructor(context: GatewayContext) {
    this.#context = context;
    this.#model = context.platform.database.model<Token>('arcgis_tokens', schema);
    this.#stateKey = context.platform.secrets.deriveKey('arcgis oauth state');
  }

  async make(of: {
    key: ApiKey;
    user: string;
    binding: Binding;
    minutes: number;
  }): Promise<{ token: string; expires: Date }> {
    const token = randomBytes(48).toString('base64url');
    const now = this.#context.platform.clock.now();
    const expiresAt = new Date(now.getTime() + of.minutes * 60_000);
    const { user, binding } = of;
    await this.#model.create({ _id: hash('sha256', token), apiKeyId: of.key._id, user, binding, expiresAt });
    if (this.#made++ % PRUNE_EVERY === 0) await this.#model.deleteMany({ expiresAt: { $lt: now } });
    return { token, expires: expiresAt };
  }

  /** The API key that a token stands for, when it is used from where it may be. */
  async find(token: string, from: { referer: string; ip: string }): Promise<{ key: ApiKey; user: string } | undefined> {
    const found = (await this.#model.findById(hash('sha256', token)).lean()) as Token | null;
    if (!found || found.expiresAt <= this.#context.platform.clock.now() || !isBound(found.binding, from))
      return undefined;
    const key = await this.#context.apiKeys.find(found.apiKeyId);
    return key && { key, user: found.user };
  }

  /** A state of the sign-in page that only this server can have made. */
  sealState(state: { redirectUri: string; state: string }): string {
    const text = Buffer.from(JSON.stringify(state)).toString('base64url');
    return `${text}.${createHmac('sha256', this.#stateKey).update(text).digest('base64url')}`;
  }

  openState(sealed: string): { redirectUri: string; state: string } | undefined {
    const [text = '', mac = ''] = sealed.split('.');
    const [given, right] = [Buffer.from(mac, 'base64url'), createHmac('sha256', this.#stateKey).update(text).digest()];
    if (given.length !== right.length || !timingSafeEqual(given, right)) return undefined;
    return JSON.parse(Buffer.from(text, 'base64url').toString()) as { redirectUri: string; state: string };
  }
}

/** A referer fits when it is the same text, begins with it, or has the same origin. */
function isBound(binding: Binding, { referer, ip }: { referer: string; ip: string }): boolean {
  if (binding.to === 'anywhere') return true;
  if (binding.to === 'ip') return ip === binding.value;
  const { value } = binding;
  if (referer === '') return false;
  if (referer === value || referer.startsWith(value.replace(/\/*$/, '/'))) return true;
  const origin = URL.parse(referer)?.origin;
  return origin !== undefined && origin !== 'null' && origin === URL.parse(value)?.origin;
}
