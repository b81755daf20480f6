import { setImmediate } from 'node:timers/promises';
import { invalid, notFound, raise } from '@certferry/core';
import {
  isDuplicateKey,
  listPage,
  toBuffer,
  type Database,
  type DatabaseFilter,
  type Page,
  type PageQuery,
} from '@certferry/database';
import { addOutbox, type Event, type Outbox } from '@certferry/events';
import mongoose, { type Model } from 'mongoose';
import { unique, type Certificate } from './certificate.ts';

type StoredCertificate = Certificate & Outbox;

const schema = new mongoose.Schema<StoredCertificate>(
  {
    _id: { type: String, required: true },
    fingerprintSha256: String,
    thumbprint: String,
    publicKeySha256: String,
    publicKeyBitsSha256: String,
    der: Buffer,
    facts: Object,
    name: String,
    notes: String,
    metadata: { type: [Object], default: undefined },
    tags: { type: [String], default: undefined },
    enabled: Boolean,
    hasPrivateKey: Boolean,
    sealedKey: { type: Buffer, select: false },
    search: Object,
    renewal: Object,
    replaces: String,
    linkedBy: String,
    number: Number,
    filePath: String,
    createdBy: String,
    cameWith: { type: [String], default: undefined },
    createdAt: Date,
    updatedAt: Date,
    revision: Number,
  },
  { versionKey: false, minimize: false },
);
schema.index({ fingerprintSha256: 1 }, { unique: true, sparse: true });
schema.index({ thumbprint: 1 }, { sparse: true });
schema.index({ publicKeySha256: 1 }, { sparse: true });
schema.index({ publicKeyBitsSha256: 1, hasPrivateKey: 1 }, { sparse: true });
schema.index({ 'facts.subject': 1 }, { sparse: true });
schema.index({ number: 1 }, { unique: true, sparse: true });
schema.index({ 'search.name': 1, _id: 1 });
schema.index({ 'search.commonName': 1, _id: 1 });
schema.index({ 'facts.notAfter': 1, _id: 1 });
schema.index({ createdAt: 1, _id: 1 });
schema.index({ 'renewal.names': 1, 'facts.notBefore': 1 });
schema.index({ 'renewal.subject': 1, 'facts.notBefore': 1 });
schema.index({ replaces: 1 }, { sparse: true });
addOutbox(schema);

/** What lists can be sorted by, and where it is kept. Each has an index. */
export const SORT_FIELDS = {
  name: 'search.name',
  commonName: 'search.commonName',
  notAfter: 'facts.notAfter',
  createdAt: 'createdAt',
  number: 'number',
} as const;
type SortField = keyof typeof SORT_FIELDS;

export interface CertificateQuery extends PageQuery {
  filter: DatabaseFilter[];
  /** A sort field, "-" before it for descending. */
  sort: string;
}

/** Of a public key: its bits, and the whole SubjectPublicKeyInfo, which certificates from before have alone. */
export interface PublicKeyHashes {
  publicKeyBitsSha256: string;
  publicKeySha256: string;
}

/** So much of a certificate as it takes to find its key. */
export type KeyHolder = Pick<
  Certificate,
  '_id' | 'fingerprintSha256' | 'publicKeySha256' | 'publicKeyBitsSha256' | 'revision'
>;

/** Certificates with one of these keys, and those from before the bits were kept. */
const byPublicKey = (keys: PublicKeyHashes[]) => [
  { publicKeyBitsSha256: { $in: unique(keys.map((key) => key.publicKeyBitsSha256)) } },
  { publicKeySha256: { $in: unique(keys.map((key) => key.publicKeySha256)) }, publicKeyBitsSha256: { $exists: false } },
];

export const isKeyOf = (key: PublicKeyHashes, holder: KeyHolder): boolean =>
  holder.publicKeyBitsSha256 === undefined
    ? key.publicKeySha256 === holder.publicKeySha256
    : key.publicKeyBitsSha256 === holder.publicKeyBitsSha256;

/** How many are looked at together. */
const DONORS = 200;
const COUNTED_TOGETHER = 500;

const alive = { deleted: { $ne: true } };

/** The certificates' collection. Every write keeps its events in the same document. */
export class Certificates {
  readonly #model: Model<StoredCertificate>;

  constructor(database: Database) {
    this.#model = database.model<StoredCertificate>('certificates', schema);
  }

  get model(): Model<StoredCertificate> {
    return this.#model;
  }

  /** False when the fingerprint is there already. */
  async insert(certificate: Certificate, event: Event): Promise<boolean> {
    try {
      await this.#model.create({ ...certificate, pendingEvents: [event], outbox: true });
      return true;
    } catch (error) {
      if (isDuplicateKey(error)) return false;
      throw error;
    }
  }

  /** Sets fields of the revision that was read; false when somebody else was faster. */
  async update(
    certificate: Pick<Certificate, '_id' | 'revision'>,
    set: Partial<Certificate>,
    event: Event,
  ): Promise<boolean> {
    const { matchedCount } = await this.#model.updateOne(
      { _id: certificate._id, revision: certificate.revision, ...alive },
      { $set: { ...set, revision: certificate.revision + 1, outbox: true }, $push: { pendingEvents: event } },
    );
    return matchedCount === 1;
  }

  /** Leaves nothing but the deletion's event, which goes when it is published; false when it was gone. */
  async delete(id: string, event: Event): Promise<boolean> {
    for (;;) {
      const found = await this.find(id);
      if (!found) return false;
      const pending = (await this.#model.findById(id).select('pendingEvents').lean())?.pendingEvents ?? [];
      const tombstone = { deleted: true, outbox: true, pendingEvents: [...pending, event] };
      const { matchedCount } = await this.#model.replaceOne({ _id: id, revision: found.revision, ...alive }, tombstone);
      if (matchedCount === 1) return true;
    }
  }

  async find(id: string): Promise<Certificate | undefined> {
    return this.#one({ _id: id, ...alive });
  }

  /** NOT_FOUND CERTIFICATE_NOT_FOUND when there is none, or no longer. */
  async get(id: string): Promise<Certificate> {
    return (await this.find(id)) ?? raise(notFound('certificate', id));
  }

  /** Those that are there, by their fingerprint. */
  async findByFingerprints(fingerprints: string[]): Promise<Map<string, Certificate>> {
    const found = await this.#model.find({ fingerprintSha256: { $in: fingerprints } }).lean();
    return new Map(found.map(fromDatabase).map((one) => [one.fingerprintSha256, one]));
  }

  /** Certificates with one of these public keys, of which the inventory has the private key, or has it not. */
  async findKeyHolders(keys: PublicKeyHashes[], { hasPrivateKey }: { hasPrivateKey: boolean }): Promise<KeyHolder[]> {
    const found: KeyHolder[] = [];
    for (const filter of byPublicKey(keys)) found.push(...(await this.#keyHolders({ ...filter, hasPrivateKey })));
    return found;
  }

  /** Of each of these public keys one certificate with the private key, where the inventory has that. */
  async findKeyDonors(keys: PublicKeyHashes[]): Promise<KeyHolder[]> {
    const donors: KeyHolder[] = [];
    for (let left = keys; left.length > 0;) {
      const found: KeyHolder[] = [];
      for (const filter of byPublicKey(left))
        found.push(...(await this.#keyHolders({ ...filter, hasPrivateKey: true }, DONORS)));
      donors.push(...found);
      // Thousands may have one key: a page of them says nothing of the others.
      left = found.length < DONORS ? [] : left.filter((key) => !found.some((holder) => isKeyOf(key, holder)));
    }
    return donors;
  }

  async #keyHolders(filter: object, most = 0): Promise<KeyHolder[]> {
    return await this.#model
      .find({ ...filter, ...alive })
      .limit(most)
      .select('fingerprintSha256 publicKeySha256 publicKeyBitsSha256 revision')
      .lean();
  }

  /** Certificates that could have issued one whose issuer is `subject`; CAs renew their certificates under one name. */
  async findBySubject(subject: string): Promise<Certificate[]> {
    const found = await this.#model.find({ 'facts.subject': subject }).limit(50).lean();
    return found.map(fromDatabase);
  }

  async sealedKey(id: string): Promise<Buffer | undefined> {
    const found = (await this.#model
      .findOne({ _id: id, ...alive })
      .select('+sealedKey')
      .lean()) as Certificate | null;
    return found?.sealedKey && toBuffer(found.sealedKey);
  }

  async list({ filter, sort, ...page }: CertificateQuery): Promise<Page<Certificate>> {
    const found = await listPage(this.#model, { filter: [alive, ...filter], sort: readSort(sort) }, page);
    return { ...found, items: found.items.map(fromDatabase) };
  }

  /** How many end from one moment up to another; others are served between the pages that this reads. */
  async countEnding(from: Date, to: Date): Promise<number> {
    const filter: DatabaseFilter[] = [{ 'facts.notAfter': { $gte: from, $lt: to } }];
    let count = 0;
    for (let cursor = ''; ;) {
      const page = await this.list({ filter, sort: 'notAfter', limit: COUNTED_TOGETHER, cursor });
      count += page.items.length;
      if (!page.nextCursor) return count;
      cursor = page.nextCursor;
      await setImmediate();
    }
  }

  /** How many there are, and a few that were just deleted. */
  async count(): Promise<number> {
    return await this.#model.estimatedDocumentCount();
  }

  async #one(filter: object): Promise<Certificate | undefined> {
    const found = await this.#model.findOne(filter).lean();
    return found ? fromDatabase(found) : undefined;
  }
}

function readSort(text: string): { path: string; direction: 1 | -1; name: string } {
  const sort = text || 'name';
  const field = sort.replace(/^-/, '');
  if (!Object.hasOwn(SORT_FIELDS, field)) {
    const names = Object.keys(SORT_FIELDS).join(', ');
    throw invalid(
      'INVALID_SORT',
      `Certificates cannot be sorted by "${field}"; choose one of ${names}, with "-" before it for descending.`,
    );
  }
  return { path: SORT_FIELDS[field as SortField], direction: sort.startsWith('-') ? -1 : 1, name: sort };
}

function fromDatabase(found: unknown): Certificate {
  const certificate = found as Certificate;
  return { ...certificate, der: toBuffer(certificate.der) };
}
