import { inventoryV1 } from '@certferry/contracts';
import { explainExtensions } from '@certferry/x509';
import { countResults, type Import } from './import.ts';
import type { ImportRequest } from './import-certificates.ts';

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
    ...countResults(items),
    requestedBy: from.requestedBy ?? '',
    requestId: from.requestId ?? '',
    source: from.source ?? '',
    items: items.map((item) => ({
      ...item,
      der: item.der ?? new Uint8Array(),
      keyInContainer: item.keyInContainer ?? false,
      keyFromCertificateId: item.keyFromCertificateId ?? '',
      keyAddedTo: item.keyAddedTo ?? [],
      result: RESULTS[item.result],
      extensions: item.der && explained ? explainExtensions(item.der) : [],
    })),
  };
}

export const fromImportRequest = ({
  metadata,
  tags,
  ...request
}: inventoryV1.ImportCertificatesRequest): Omit<ImportRequest, 'requestedBy' | 'requestId'> => ({
  ...request,
  metadata: metadata?.values,
  tags: tags?.values,
});
