import { inventoryV1 } from '@certferry/contracts';
import { explainExtensions } from '@certferry/x509';
import type { Certificate } from './certificate.ts';
import type { Import } from '../imports/imports.ts';

export function toCertificate(certificate: Certificate): inventoryV1.Certificate {
  const { _id: id, facts, name, notes, tags, enabled, hasPrivateKey, createdAt, updatedAt } = certificate;
  const { number, filePath, createdBy } = certificate;
  return {
    id,
    facts,
    name,
    notes,
    metadata: Object.fromEntries(certificate.metadata.map(({ key, value }) => [key, value])),
    tags,
    enabled,
    hasPrivateKey,
    number,
    filePath,
    createdBy,
    createdAt,
    updatedAt,
    chain: [],
    extensions: [],
    der: new Uint8Array(),
  };
}

/** With what is only answered for one certificate: its chain, and its extensions in words. */
export function toWholeCertificate(certificate: Certificate, chain: Certificate[]): inventoryV1.Certificate {
  return {
    ...toCertificate(certificate),
    extensions: explainExtensions(certificate.der),
    chain: chain.map((link) => ({
      certificateId: link._id,
      subject: link.facts.subject,
      fingerprintSha256: link.fingerprintSha256,
    })),
  };
}

const RESULTS = {
  created: inventoryV1.ImportResult.CREATED,
  updated: inventoryV1.ImportResult.UPDATED,
  unchanged: inventoryV1.ImportResult.UNCHANGED,
  failed: inventoryV1.ImportResult.FAILED,
} as const;

/** A list of thousands is looked through, not read word by word. */
const MAX_EXPLAINED_ITEMS = 100;

export function toImport({ _id: id, ...from }: Import): inventoryV1.Import {
  const { status, items, format, notices, createdAt, chains = [] } = from;
  const explained = items.length <= MAX_EXPLAINED_ITEMS;
  return {
    id,
    status,
    format,
    notices,
    createdAt,
    chains,
    requestedBy: from.requestedBy ?? '',
    requestId: from.requestId ?? '',
    items: items.map((item) => ({
      ...item,
      der: item.der ?? new Uint8Array(),
      result: RESULTS[item.result],
      extensions: item.der && explained ? explainExtensions(item.der) : [],
    })),
  };
}
