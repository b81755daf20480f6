import { setImmediate as nextTurn } from 'node:timers/promises';
import { invalid, newId, type Clock } from '@certferry/core';
import { parserV1 } from '@certferry/contracts';
import type { Numbers } from '@certferry/database';
import { createEvent, type Event } from '@certferry/events';
import type { SecretKeeper } from '@certferry/secrets';
import { findOddities, type CertificateFacts } from '@certferry/x509';
import {
  changedFields,
  checkDescription,
  defaultName,
  keyContext,
  searchFields,
  toPairs,
  unique,
  type Certificate,
  type Description,
} from '../certificates/certificate.ts';
import type { Certificates } from '../certificates/certificates.ts';
import type { Import, ImportChain, ImportItem, Imports } from './imports.ts';
import type { MetadataFields } from '../metadata-fields/metadata-fields.ts';

export interface ImportRequest extends Description {
  content: Uint8Array;
  password?: string;
  /** Of the keys, where it is not the container's. */
  keyPassword?: string;
  dryRun: boolean;
  /** Of a PEM file only the first certificate; keys and the rest are passed over. */
  firstOfPem: boolean;
  /** What is there already fails instead of being updated. */
  createOnly: boolean;
  /** Lower-case names of the formats that are taken; empty: all. */
  formats: string[];
  filePath: string;
  /** Id of the API key. */
  caller: string;
}

export interface ImportContext {
  certificates: Certificates;
  imports: Imports;
  numbers: Numbers;
  metadataFields: MetadataFields;
  open: (container: { content: Uint8Array; password?: string; keyPassword?: string }) => Promise<parserV1.OpenResponse>;
  secrets: SecretKeeper;
  clock: Clock;
  /** Called when events were saved. */
  saved: () => void;
}

/** How many certificates of a container are saved at a time: they share a commit. */
const BATCH = 100;

/** Reads a container and keeps what is in it; a dry run says what would happen. Nothing is kept of a container that cannot be opened. */
export async function importCertificates(context: ImportContext, request: ImportRequest): Promise<Import> {
  checkDescription(request);
  const { content, password, keyPassword } = request;
  const { inspection, privateKeys } = await context.open({ content, password, keyPassword });
  const found = firstOnly(request, inspection!);
  const format = found.format.replace('CONTAINER_FORMAT_', '').toLowerCase();
  if (request.formats.length > 0 && !request.formats.includes(format)) {
    throw invalid('FORMAT_NOT_ACCEPTED', `This call takes ${request.formats.join(' and ')}, not ${format}.`, {
      format,
    });
  }
  const arrivals = toArrivals(found, privateKeys, request);
  const items: ImportItem[] = found.failures.map((failure) => failedItem(failure.index, failure));
  if (!request.dryRun) await context.metadataFields.note(Object.keys(request.metadata ?? {}));
  const save = new Saving(context, request);
  for (let at = 0; at < arrivals.length; at += BATCH) {
    items.push(...(await Promise.all(arrivals.slice(at, at + BATCH).map((arrival) => save.certificate(arrival)))));
    // The embedded database answers at once: without this thousands of certificates would let nobody else have a turn.
    await nextTurn();
  }
  const paired = new Set(found.certificates.map((entry) => entry.key));
  for (const [position, entry] of found.keys.entries()) {
    if (!paired.has(position)) items.push(await save.loneKey(entry, privateKeys[position]!));
  }
  for (const key of privateKeys) key.fill(0);
  items.sort((a, b) => a.index - b.index);
  const done: Import = {
    _id: request.dryRun ? '' : newId(),
    status: request.dryRun ? 'inspected' : 'completed',
    format,
    items,
    notices: found.notices,
    chains: toChains(found),
    createdAt: context.clock.now(),
  };
  if (!request.dryRun) {
    await context.imports.save(done);
    context.saved();
  }
  return done;
}

/** By the index that their items have. */
function toChains({ chains, certificates }: parserV1.InspectResponse): ImportChain[] {
  const index = (position: number) => certificates[position]!.index;
  return chains.map((chain) => ({
    indexes: chain.certificates.map(index),
    crossSigned: chain.crossSigned.map(index),
  }));
}

function firstOnly({ firstOfPem }: ImportRequest, found: parserV1.InspectResponse): parserV1.InspectResponse {
  if (!firstOfPem || found.format !== parserV1.ContainerFormat.PEM) return found;
  const isCertificate = ({ what }: parserV1.Failure) => what.endsWith('CERTIFICATE');
  const [certificate] = found.certificates;
  const failure = found.failures.find((one) => isCertificate(one) && one.index < (certificate?.index ?? Infinity));
  const certificates = certificate && !failure ? [{ ...certificate, key: undefined }] : [];
  const chains = certificates.map((_, position) => ({ certificates: [position], crossSigned: [] }));
  return { ...found, certificates, chains, keys: [], failures: failure ? [failure] : [] };
}

export interface Arrival {
  index: number;
  issuer: boolean;
  der: Uint8Array;
  facts: CertificateFacts;
  privateKey?: Uint8Array;
  description: Description;
}

function toArrivals(
  { certificates }: parserV1.InspectResponse,
  privateKeys: Uint8Array[],
  { name, notes, metadata, tags }: Description,
): Arrival[] {
  const issuers = new Set(certificates.flatMap(({ facts }) => (facts!.selfIssued ? [] : [facts!.issuer])));
  return certificates.map(({ index, der, facts, key }) => {
    const issuer = issuers.has(facts!.subject);
    return {
      index,
      issuer,
      der,
      // Read once, by the parser; the wire only makes present fields optional.
      facts: facts as CertificateFacts,
      privateKey: key === undefined ? undefined : privateKeys[key],
      description: issuer ? {} : { name, notes, metadata, tags },
    };
  });
}

function failedItem(index: number, failure: { reason: string; message: string }): ImportItem {
  return {
    index,
    result: 'failed',
    certificateId: '',
    fingerprintSha256: '',
    subject: '',
    hasPrivateKey: false,
    changes: [],
    reason: failure.reason,
    message: failure.message,
    issuer: false,
    certificateNumber: 0,
    findings: [],
  };
}

type SavingOptions = Pick<ImportRequest, 'dryRun' | 'createOnly' | 'filePath' | 'caller'>;

/** Saves what arrived, certificate by certificate; each is created or updated in one write. */
export class Saving {
  readonly #context: ImportContext;
  readonly #request: SavingOptions;
  readonly #dryRun: boolean;

  constructor(context: ImportContext, request: SavingOptions) {
    this.#context = context;
    this.#request = request;
    this.#dryRun = request.dryRun;
  }

  async certificate(arrival: Arrival): Promise<ImportItem> {
    const { certificates } = this.#context;
    for (;;) {
      const existing = await certificates.findByFingerprint(arrival.facts.fingerprintSha256);
      if (existing && this.#request.createOnly) return this.#exists(arrival, existing);
      const item = existing ? await this.#update(existing, arrival) : await this.#create(arrival);
      if (item) return this.#dryRun ? { ...item, facts: arrival.facts, der: arrival.der } : item;
      // Somebody else was faster with the same certificate: look again.
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
    const certificate = this.#newCertificate(arrival, this.#dryRun ? 0 : await this.#context.numbers.next());
    const item = this.#item(arrival, certificate, 'created');
    if (this.#dryRun) return { ...item, certificateId: '' };
    const event = changeEvent('created', certificate, { time: clock.now(), changes: [] });
    return (await certificates.insert(certificate, event)) ? item : undefined;
  }

  #newCertificate({ facts, der, privateKey, description }: Arrival, number: number): Certificate {
    const now = this.#context.clock.now();
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
      ...(privateKey && { sealedKey: this.#context.secrets.seal(privateKey, keyContext(_id)) }),
      search: searchFields(facts, name),
      number,
      filePath: this.#request.filePath,
      createdBy: this.#request.caller,
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
    if (this.#dryRun) return item;
    const { certificates, secrets, clock } = this.#context;
    const set: Partial<Certificate> = descriptionUpdate(existing, arrival.description, clock.now());
    if (newKey) Object.assign(set, { hasPrivateKey: true, sealedKey: secrets.seal(newKey, keyContext(existing._id)) });
    const event = changeEvent('updated', existing, { time: clock.now(), changes });
    return (await certificates.update(existing, set, event)) ? item : undefined;
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

/** The fields to set for a new description. */
export function descriptionUpdate(
  certificate: Certificate,
  { name, notes, metadata, tags }: Description,
  now: Date,
): Partial<Certificate> {
  return {
    ...(name !== undefined && { name, search: searchFields(certificate.facts, name) }),
    ...(notes !== undefined && { notes }),
    ...(metadata && { metadata: toPairs(metadata) }),
    ...(tags && { tags: unique(tags) }),
    updatedAt: now,
  };
}

/** certferry.inventory.certificate.<what>. */
export function changeEvent(
  what: 'created' | 'updated' | 'deleted',
  certificate: Certificate,
  of: { time: Date; changes: string[] },
): Event {
  const data = {
    certificateId: certificate._id,
    fingerprintSha256: what === 'deleted' ? '' : certificate.fingerprintSha256,
    changes: of.changes,
  };
  return createEvent({
    type: `certferry.inventory.certificate.${what}`,
    subject: certificate._id,
    data,
    time: of.time,
  });
}
