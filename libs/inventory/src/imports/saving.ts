import { newId } from '@certferry/core';
import type { parserV1 } from '@certferry/contracts';
import type { Numbers } from '@certferry/database';
import { findOddities, publicKeyBitsOf } from '@certferry/x509';
import {
  changedFields,
  defaultName,
  describedFields,
  keyContext,
  searchFields,
  toPairs,
  unique,
  type Certificate,
} from '../certificates/certificate.ts';
import { certificateChanged } from '../certificates/certificate-changed.ts';
import { keysBefore, linkCertificates } from '../renewals/link-certificates.ts';
import { renewalKeys } from '../renewals/renewal-rule.ts';
import type { LinkedCertificate } from '../renewals/replacements.ts';
import type { Arrival } from './arrivals.ts';
import { failedItem, type ImportItem } from './import.ts';
import { shareKeys, type SavedItem, type SharingContext } from './share-keys.ts';

export interface SavingContext extends SharingContext {
  /** Of certificates. */
  numbers: Numbers;
}

export interface SavingOptions {
  /** Says what would be saved, and saves nothing. */
  dryRun: boolean;
  /** What is there already fails instead of being updated. */
  createOnly: boolean;
  filePath: string;
  /** Id of the API key. */
  createdBy: string;
}

const MAX_NAME_CHARACTERS = 255;

/** Saves what arrived, certificate by certificate; each is created or updated in one write. */
export class Saving {
  readonly #context: SavingContext;
  readonly #options: SavingOptions;
  readonly #waiting: Waiting[] = [];

  constructor(context: SavingContext, options: SavingOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** Those that are asked for side by side are saved at once: one by one each would be looked up, and its key, on its own. */
  async certificate(arrival: Arrival): Promise<ImportItem> {
    return await new Promise((resolve, reject) => {
      if (this.#waiting.push({ arrival, resolve, reject }) === 1) queueMicrotask(() => void this.#saveWaiting());
    });
  }

  async #saveWaiting(): Promise<void> {
    const waiting = this.#waiting.splice(0);
    try {
      const items = await this.batch(waiting.map(({ arrival }) => arrival));
      for (const [position, { resolve }] of waiting.entries()) resolve(items[position]!);
    } catch (error) {
      // What is wrong with one of them must not be said of the others.
      for (const { arrival, resolve, reject } of waiting)
        if (waiting.length === 1) reject(error);
        else await this.batch([arrival]).then(([item]) => resolve(item!), reject);
    }
  }

  /** Certificates at once, up to a few hundred; then their keys go to whatever else has their public keys, and come from there. */
  async batch(arrivals: Arrival[]): Promise<ImportItem[]> {
    const fingerprints = arrivals.map(({ facts }) => facts.fingerprintSha256);
    const known = await this.#context.certificates.findByFingerprints(fingerprints);
    const unknown = arrivals.filter(({ facts }) => !known.has(facts.fingerprintSha256)).map(({ facts }) => facts);
    const before = this.#options.dryRun || unknown.length === 0 ? undefined : await keysBefore(this.#context, unknown);
    const saved = await Promise.all(
      arrivals.map(async (arrival): Promise<SavedItem> => {
        const publicKeyBitsSha256 = publicKeyBitsOf(arrival.der);
        const existing = known.get(arrival.facts.fingerprintSha256);
        const item = await this.#save({ ...arrival, publicKeyBitsSha256 }, existing);
        const { publicKeySha256 } = arrival.facts;
        return { item, publicKeyBitsSha256, publicKeySha256, privateKey: arrival.privateKey };
      }),
    );
    await shareKeys(this.#context, saved, this.#options);
    if (before) await linkCertificates(this.#context, createdOf(saved, arrivals), before);
    return saved.map(({ item }) => item);
  }

  /** A key that came without its certificate goes to the certificates that the inventory already has. */
  async loneKey(entry: parserV1.KeyEntry, privateKey: Uint8Array): Promise<ImportItem> {
    const match = await this.#certificateOf(entry);
    if (!match) {
      return failedItem(entry.index, {
        reason: 'NO_CERTIFICATE_FOR_KEY',
        message:
          'There is no certificate for this private key, neither in the container nor in the inventory: import the certificate with it.',
      });
    }
    const { der, facts } = match;
    return await this.certificate({ index: entry.index, issuer: false, der, facts, privateKey, description: {} });
  }

  /** Of several certificates of a key one that does not have it yet. */
  async #certificateOf(entry: parserV1.KeyEntry): Promise<Certificate | undefined> {
    const { certificates } = this.#context;
    const [keyless] = await certificates.findKeyHolders([entry], { hasPrivateKey: false });
    const holder = keyless ?? (await certificates.findKeyDonors([entry]))[0];
    return holder && (await certificates.find(holder._id));
  }

  async #save(arrival: NewCertificate, known: Certificate | undefined): Promise<ImportItem> {
    const { certificates } = this.#context;
    const { facts, der, privateKey } = arrival;
    for (let existing = known; ;) {
      if (existing && this.#options.createOnly) return this.#exists(arrival, existing);
      const item = existing ? await this.#update(existing, arrival) : await this.#create(arrival);
      if (item) return this.#options.dryRun ? { ...item, facts, der, keyInContainer: privateKey !== undefined } : item;
      // Somebody else was faster with the same certificate: look again.
      existing = (await certificates.findByFingerprints([facts.fingerprintSha256])).get(facts.fingerprintSha256);
    }
  }

  #exists(arrival: Arrival, existing: Certificate): ImportItem {
    const { thumbprint } = existing;
    const message = `A certificate with the thumbprint ${thumbprint} already exists in the inventory.`;
    return { ...this.#item(arrival, existing, 'failed'), reason: 'CERTIFICATE_EXISTS', message };
  }

  async #create(arrival: NewCertificate): Promise<ImportItem | undefined> {
    const { certificates, clock } = this.#context;
    const certificate = this.#newCertificate(arrival, this.#options.dryRun ? 0 : await this.#context.numbers.next());
    const item = this.#item(arrival, certificate, 'created');
    if (this.#options.dryRun) return { ...item, certificateId: '' };
    const event = certificateChanged('created', certificate, { time: clock.now() });
    return (await certificates.insert(certificate, event)) ? item : undefined;
  }

  #newCertificate(arrival: NewCertificate, number: number): Certificate {
    const { facts, der, privateKey, description, publicKeyBitsSha256 } = arrival;
    const { clock, secrets } = this.#context;
    const { dryRun, filePath, createdBy } = this.#options;
    const now = clock.now();
    const _id = newId();
    const given = description.name ?? arrival.alias?.trim();
    const name = (given || defaultName(facts)).slice(0, MAX_NAME_CHARACTERS);
    return {
      _id,
      fingerprintSha256: facts.fingerprintSha256,
      thumbprint: facts.thumbprint,
      publicKeyBitsSha256,
      der: Buffer.from(der),
      facts,
      name,
      notes: description.notes ?? '',
      metadata: toPairs(description.metadata ?? {}),
      tags: unique(description.tags ?? []),
      enabled: true,
      hasPrivateKey: privateKey !== undefined,
      ...(privateKey && !dryRun && { sealedKey: secrets.seal(privateKey, keyContext(_id)) }),
      search: searchFields(facts, name),
      renewal: renewalKeys(facts),
      number,
      filePath,
      createdBy,
      ...(arrival.cameWith && { cameWith: arrival.cameWith }),
      createdAt: now,
      updatedAt: now,
      revision: 1,
    };
  }

  async #update(existing: Certificate, arrival: Arrival): Promise<ImportItem | undefined> {
    const changes = changedFields(existing, arrival.description);
    const newKey = arrival.privateKey && !existing.hasPrivateKey ? arrival.privateKey : undefined;
    if (newKey) changes.unshift('key');
    if (changes.length === 0) return this.#item(arrival, existing, 'unchanged');
    const item = {
      ...this.#item(arrival, existing, 'updated'),
      hasPrivateKey: existing.hasPrivateKey || newKey !== undefined,
      changes,
    };
    if (this.#options.dryRun) return item;
    const { certificates, secrets, clock } = this.#context;
    const fields: Partial<Certificate> = describedFields(existing, arrival.description, clock.now());
    if (newKey)
      Object.assign(fields, { hasPrivateKey: true, sealedKey: secrets.seal(newKey, keyContext(existing._id)) });
    const event = certificateChanged('updated', existing, { time: clock.now(), changes });
    return (await certificates.update(existing, fields, event)) ? item : undefined;
  }

  #item(arrival: Arrival, certificate: Certificate, result: ImportItem['result']): ImportItem {
    return {
      index: arrival.index,
      result,
      certificateId: certificate._id,
      fingerprintSha256: certificate.fingerprintSha256,
      subject: arrival.facts.subject,
      hasPrivateKey: certificate.hasPrivateKey,
      changes: [],
      reason: '',
      message: '',
      issuer: arrival.issuer,
      certificateNumber: certificate.number,
      findings: findOddities(arrival.facts, this.#context.clock.now()),
    };
  }
}

/** What was created, as it was stored; what has changed it since is met when it is linked. */
const createdOf = (saved: SavedItem[], arrivals: Arrival[]): LinkedCertificate[] =>
  saved.flatMap(({ item: { result, certificateId: _id, fingerprintSha256, hasPrivateKey } }, position) => {
    if (result !== 'created') return [];
    const { facts } = arrivals[position]!;
    const renewal = renewalKeys(facts);
    return [{ _id, fingerprintSha256, facts, enabled: true, hasPrivateKey, revision: 1, renewal }];
  });

interface Waiting {
  arrival: Arrival;
  resolve: (item: ImportItem) => void;
  reject: (error: unknown) => void;
}

type NewCertificate = Arrival & { publicKeyBitsSha256: string };
