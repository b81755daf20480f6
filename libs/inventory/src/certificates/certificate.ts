import { invalid } from '@certferry/core';
import type { CertificateFacts } from '@certferry/x509';
import type { RenewalKeys } from '../renewals/renewal-rule.ts';

/** A certificate in the inventory: one for each SHA-256 fingerprint. */
export interface Certificate {
  _id: string;
  fingerprintSha256: string;
  thumbprint: string;
  /** Only in certificates from before the key's bits were kept; `facts` have it of all. */
  publicKeySha256?: string;
  /** What its private key is found by. Absent in certificates from before it was kept. */
  publicKeyBitsSha256?: string;
  der: Buffer;
  facts: CertificateFacts;
  name: string;
  notes: string;
  /** Pairs, so that a key is never a path or an operator to the database. */
  metadata: { key: string; value: string }[];
  tags: string[];
  enabled: boolean;
  hasPrivateKey: boolean;
  /** PKCS#8, sealed under `keyContext(_id)`. */
  sealedKey?: Buffer;
  search: SearchFields;
  /** What it shares with those that it may replace. Absent in certificates from before it was kept. */
  renewal?: RenewalKeys;
  /** Id of the certificate that it replaces; absent or empty for none. */
  replaces?: string;
  /** Who said what it replaces: what a person says stays. */
  linkedBy?: 'rule' | 'person';
  number: number;
  filePath: string;
  createdBy: string;
  /** Fingerprints of the possible issuers in the container that it first came in; absent: none. */
  cameWith?: string[];
  createdAt: Date;
  updatedAt: Date;
  /** Rises with every change: an update that read an older one is refused and read again. */
  revision: number;
}

/** Lower-case copies for filters, text search and order. */
export interface SearchFields {
  name: string;
  commonName: string;
  subject: string;
  issuer: string;
  alternativeNames: string[];
  keyAlgorithm: string;
  signatureAlgorithm: string;
  text: string;
}

/** What people say of a certificate; undefined leaves it as it is. */
export interface Description {
  name?: string;
  notes?: string;
  metadata?: Record<string, string>;
  tags?: string[];
}

export const keyContext = (id: string): string => `certificate:${id}:key:1`;

/** The name until somebody gives one. */
export function defaultName(facts: CertificateFacts): string {
  return facts.commonName || facts.subjectAlternativeNames[0]?.value || facts.fingerprintSha256;
}

export function searchFields(facts: CertificateFacts, name: string): SearchFields {
  const alternativeNames = facts.subjectAlternativeNames.map((one) => one.value.toLowerCase());
  const subject = facts.subject.toLowerCase();
  const issuer = facts.issuer.toLowerCase();
  const text = [
    name.toLowerCase(),
    subject,
    issuer,
    ...alternativeNames,
    facts.serialNumber.toLowerCase(),
    facts.thumbprint.toLowerCase(),
    facts.fingerprintSha256,
  ];
  return {
    name: name.toLowerCase(),
    commonName: facts.commonName.toLowerCase(),
    subject,
    issuer,
    alternativeNames,
    keyAlgorithm: facts.keyAlgorithm.toLowerCase(),
    signatureAlgorithm: facts.signatureAlgorithm.toLowerCase(),
    text: text.join('\n'),
  };
}

/** The limits of names, notes, metadata and tags. INVALID_ARGUMENT INVALID_FIELD says which one is broken. */
export function checkDescription({ name, notes, metadata, tags }: Description): void {
  if (name !== undefined) checkText('name', name, { min: 1, max: 255 });
  if (notes !== undefined) checkText('notes', notes, { min: 0, max: 10_000 });
  if (metadata) {
    checkCount('metadata', Object.keys(metadata).length);
    for (const [key, value] of Object.entries(metadata)) {
      checkText('metadata key', key, { min: 1, max: 100 });
      checkText(`metadata "${key}"`, value, { min: 0, max: 4_000 });
    }
  }
  if (tags) {
    checkCount('tags', tags.length);
    for (const tag of tags) checkText('tag', tag, { min: 1, max: 100 });
  }
}

function checkText(field: string, text: string, { min, max }: { min: number; max: number }): void {
  if (text.length >= min && text.length <= max) return;
  throw invalid('INVALID_FIELD', `The ${field} must have ${min} to ${max} characters, not ${text.length}.`, { field });
}

function checkCount(field: string, count: number): void {
  if (count > 100) throw invalid('INVALID_FIELD', `There can be at most 100 ${field}, not ${count}.`, { field });
}

/** Fields of `to` that change the certificate, by the names that answers and events use. */
export function changedFields(certificate: Certificate, to: Description): string[] {
  const changes: string[] = [];
  if (to.name !== undefined && to.name !== certificate.name) changes.push('name');
  if (to.notes !== undefined && to.notes !== certificate.notes) changes.push('notes');
  if (to.metadata && JSON.stringify(toPairs(to.metadata)) !== JSON.stringify(certificate.metadata))
    changes.push('metadata');
  if (to.tags && JSON.stringify(unique(to.tags)) !== JSON.stringify(certificate.tags)) changes.push('tags');
  return changes;
}

export const toPairs = (metadata: Record<string, string>): { key: string; value: string }[] =>
  Object.entries(metadata)
    .map(([key, value]) => ({ key, value }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));

export const unique = (list: string[]): string[] => [...new Set(list)];

/** The fields that a new description sets. */
export function describedFields(
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
