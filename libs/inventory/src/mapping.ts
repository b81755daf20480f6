import { inventoryV1 } from '@certferry/contracts';
import type { Certificate } from './certificate.ts';
import type { Import } from './imports.ts';

export function toCertificate(certificate: Certificate, chain: Certificate[] = []): inventoryV1.Certificate {
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

export function toImport({ _id: id, status, items, format, notices, createdAt }: Import): inventoryV1.Import {
  return {
    id,
    status,
    format,
    notices,
    createdAt,
    items: items.map((item) => ({ ...item, der: item.der ?? new Uint8Array(), result: RESULTS[item.result] })),
  };
}
