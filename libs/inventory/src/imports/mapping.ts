import { inventoryV1 } from '@certferry/contracts';
import { explainExtensions } from '@certferry/x509';
import { countResults, type Import, type ImportItem } from './import.ts';
import type { ImportRequest } from './import-certificates.ts';
import type { StoredImport } from './imports.ts';
import type { JobDraft } from './start-import.ts';

const RESULTS = {
  created: inventoryV1.ImportResult.CREATED,
  updated: inventoryV1.ImportResult.UPDATED,
  unchanged: inventoryV1.ImportResult.UNCHANGED,
  failed: inventoryV1.ImportResult.FAILED,
  passedOver: inventoryV1.ImportResult.PASSED_OVER,
} as const;

/** A list of thousands is looked through, not read word by word. */
const MAX_EXPLAINED_ITEMS = 100;

export function toImport(from: Import & Partial<StoredImport>): inventoryV1.Import {
  const { items, chains = [] } = from;
  const explained = items.length <= MAX_EXPLAINED_ITEMS;
  return { ...toSummary(from), chains, items: items.map((item) => toImportItem(item, explained)) };
}

/** As lists have it: without its items and chains. */
export function toSummary(from: Import & Partial<StoredImport>): inventoryV1.Import {
  const { _id: id, status, format, notices, createdAt, items = [], bytes = 0 } = from;
  const counts = countResults(items);
  const stored = { ...counts, ...from };
  const { created, updated, unchanged, failed, passedOver, total = items.length, done = items.length } = stored;
  return {
    ...{ id, status, format, notices, createdAt, total, done, created, updated, unchanged, failed, passedOver, bytes },
    bytesDone: from.bytesDone ?? bytes,
    ...(status === 'running' ? pace(from.itemsPerSecond, total - done) : {}),
    completedAt: from.completedAt,
    fileName: from.fileName ?? '',
    profileId: from.profileId ?? '',
    profileName: from.profileName ?? '',
    problem: from.problem,
    requestedBy: from.requestedBy ?? '',
    requestId: from.requestId ?? '',
    source: from.source ?? '',
    chains: [],
    items: [],
  };
}

function pace(itemsPerSecond: number | undefined, left: number) {
  if (!itemsPerSecond) return {};
  return { itemsPerSecond, secondsLeft: Math.ceil(left / itemsPerSecond) };
}

export const toImportItem = (item: ImportItem, explained = false): inventoryV1.ImportItem => ({
  ...item,
  der: item.der ?? new Uint8Array(),
  keyInContainer: item.keyInContainer ?? false,
  keyFromCertificateId: item.keyFromCertificateId ?? '',
  keyAddedTo: item.keyAddedTo ?? [],
  result: RESULTS[item.result],
  extensions: item.der && explained ? explainExtensions(item.der) : [],
});

export const fromImportRequest = ({
  metadata,
  tags,
  ...request
}: inventoryV1.ImportCertificatesRequest): Omit<ImportRequest, 'requestedBy' | 'requestId'> => ({
  ...request,
  metadata: metadata?.values,
  tags: tags?.values,
});

export function fromImportDraft(
  { request, fileName, address }: inventoryV1.ImportDraft,
  requester: { requestedBy: string; requestId: string },
): JobDraft {
  const {
    content: _,
    source: __,
    dryRun: ___,
    ...asked
  } = fromImportRequest(request ?? inventoryV1.ImportCertificatesRequest.fromPartial({}));
  return { request: { ...asked, ...requester }, fileName, address };
}
