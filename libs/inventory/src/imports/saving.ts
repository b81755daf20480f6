import { newId, type Clock } from '@certferry/core';
import type { parserV1 } from '@certferry/contracts';
import type { Numbers } from '@certferry/database';
import type { SecretKeeper } from '@certferry/secrets';
import { findOddities } from '@certferry/x509';
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
import type { Certificates } from '../certificates/certificates.ts';
import type { Arrival } from './arrivals.ts';
import { failedItem, type ImportItem } from './import.ts';

export interface SavingContext {
  certificates: Certificates;
  /** Of certificates. */
  numbers: Numbers;
  secrets: SecretKeeper;
  clock: Clock;
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

/** Saves what arrived, certificate by certificate; each is created or updated in one write. */
export class Saving {
  readonly #context: SavingContext;
  readonly #options: SavingOptions;

  constructor(context: SavingContext, options: SavingOptions) {
    this.#context = context;
    this.#options = options;
  }

  async certificate(arrival: Arrival): Promise<ImportItem> {
    return (await this.batch([arrival]))[0]!;
  }

  /** Certificates at once, up to a few hundred, which are looked up together. */
  async batch(arrivals: Arrival[]): Promise<ImportItem[]> {
    const fingerprints = arrivals.map(({ facts }) => facts.fingerprintSha256);
    const known = await this.#context.certificates.findByFingerprints(fingerprints);
    return await Promise.all(arrivals.map((one) => this.#save(one, known.get(one.facts.fingerprintSha256))));
  }

  async #save(arrival: Arrival, known: Certificate | undefined): Promise<ImportItem> {
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

  /** A key that came without its certificate goes to the certificates that the inventory already has. */
  async loneKey(entry: parserV1.KeyEntry, privateKey: Uint8Array): Promise<ImportItem> {
    const [match] = await this.#context.certificates.findByPublicKey(entry.publicKeySha256);
    if (!match) {
      return failedItem(entry.index, {
        reason: 'NO_CERTIFICATE_FOR_KEY',
        message:
          'There is no certificate for this private key, neither in the container nor in the inventory: import the certificate with it.',
      });
    }
    return await this.certificate({
      index: entry.index,
      issuer: false,
      der: match.der,
      facts: match.facts,
      privateKey,
      description: {},
    });
  }

  #exists(arrival: Arrival, existing: Certificate): ImportItem {
    const { thumbprint } = existing;
    const message = `A certificate with the thumbprint ${thumbprint} already exists in the inventory.`;
    return { ...this.#item(arrival, existing, 'failed'), reason: 'CERTIFICATE_EXISTS', message };
  }

  async #create(arrival: Arrival): Promise<ImportItem | undefined> {
    const { certificates, clock } = this.#context;
    const certificate = this.#newCertificate(arrival, this.#options.dryRun ? 0 : await this.#context.numbers.next());
    const item = this.#item(arrival, certificate, 'created');
    if (this.#options.dryRun) return { ...item, certificateId: '' };
    const event = certificateChanged('created', certificate, { time: clock.now() });
    return (await certificates.insert(certificate, event)) ? item : undefined;
  }

  #newCertificate({ facts, der, privateKey, description }: Arrival, number: number): Certificate {
    const { clock, secrets } = this.#context;
    const { dryRun, filePath, createdBy } = this.#options;
    const now = clock.now();
    const _id = newId();
    const name = description.name ?? defaultName(facts).slice(0, 255);
    return {
      _id,
      fingerprintSha256: facts.fingerprintSha256,
      thumbprint: facts.thumbprint,
      publicKeySha256: facts.publicKeySha256,
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
      number,
      filePath,
      createdBy,
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
