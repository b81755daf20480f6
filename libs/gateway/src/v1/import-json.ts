import { inventoryV1 } from '@certferry/contracts';
import {
  containerFormat,
  findingCode,
  importedChange,
  importStatus,
  type Import,
  type ImportItem,
  type ImportResult,
  type ImportSummary,
} from '@certferry/rest';
import { extensionToJson, factsToJson } from './certificate-json.ts';
import { iso, present, requesterToJson } from './json-values.ts';

const RESULTS: Record<inventoryV1.ImportResult, ImportResult> = {
  [inventoryV1.ImportResult.UNSPECIFIED]: 'failed',
  [inventoryV1.ImportResult.CREATED]: 'created',
  [inventoryV1.ImportResult.UPDATED]: 'updated',
  [inventoryV1.ImportResult.UNCHANGED]: 'unchanged',
  [inventoryV1.ImportResult.FAILED]: 'failed',
  [inventoryV1.ImportResult.PASSED_OVER]: 'passed_over',
};

export function importToJson(from: inventoryV1.Import): Import {
  const { items, chains } = from;
  return {
    ...importSummaryToJson(from),
    chains: present(chains.map(({ indexes, crossSigned }) => ({ indexes, crossSigned: present(crossSigned) }))),
    items: items.map(importItemToJson),
  };
}

export function importSummaryToJson(from: inventoryV1.Import): ImportSummary {
  const { id, created, updated, unchanged, failed, passedOver, total, done, bytes, bytesDone } = from;
  const { itemsPerSecond, secondsLeft } = from;
  return {
    id,
    status: importStatus.parse(from.status),
    ...{ created, updated, unchanged, failed, passedOver, total, done, bytes, bytesDone, itemsPerSecond, secondsLeft },
    format: from.format === '' ? undefined : containerFormat.parse(from.format),
    problem: from.problem,
    fileName: present(from.fileName),
    profileId: present(from.profileId),
    profileName: present(from.profileName),
    notices: present(from.notices),
    ...requesterToJson(from),
    createdAt: iso(from.createdAt),
    source: present(from.source),
    completedAt: from.completedAt && iso(from.completedAt),
  };
}

export function importItemToJson(from: inventoryV1.ImportItem): ImportItem {
  const { facts, extensions, der: _, ...rest } = from;
  return {
    ...rest,
    file: present(from.file),
    result: RESULTS[from.result],
    certificateId: present(from.certificateId),
    certificateNumber: from.certificateNumber || undefined,
    fingerprintSha256: present(from.fingerprintSha256),
    subject: present(from.subject),
    keyFromCertificateId: present(from.keyFromCertificateId),
    keyAddedTo: present(from.keyAddedTo),
    changes: present(from.changes.map((change) => importedChange.parse(change))),
    reason: present(from.reason),
    message: present(from.message),
    findings: present(from.findings.map(({ code, message }) => ({ code: findingCode.parse(code), message }))),
    certificate: facts && { ...factsToJson(facts), extensions: present(extensions.map(extensionToJson)) },
  };
}
