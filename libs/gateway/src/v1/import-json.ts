import { inventoryV1 } from '@certferry/contracts';
import {
  containerFormat,
  findingCode,
  importedChange,
  importStatus,
  type Import,
  type ImportItem,
  type ImportResult,
} from '@certferry/rest';
import { extensionToJson, factsToJson } from './certificate-json.ts';
import { iso, present, requesterToJson } from './json-values.ts';

const RESULTS: Record<inventoryV1.ImportResult, ImportResult> = {
  [inventoryV1.ImportResult.UNSPECIFIED]: 'failed',
  [inventoryV1.ImportResult.CREATED]: 'created',
  [inventoryV1.ImportResult.UPDATED]: 'updated',
  [inventoryV1.ImportResult.UNCHANGED]: 'unchanged',
  [inventoryV1.ImportResult.FAILED]: 'failed',
};

export function importToJson(from: inventoryV1.Import): Import {
  return {
    id: from.id,
    status: importStatus.parse(from.status),
    created: from.created,
    updated: from.updated,
    unchanged: from.unchanged,
    failed: from.failed,
    format: containerFormat.parse(from.format),
    notices: present(from.notices),
    ...requesterToJson(from),
    createdAt: iso(from.createdAt),
    source: present(from.source),
    chains: present(from.chains.map(({ indexes, crossSigned }) => ({ indexes, crossSigned: present(crossSigned) }))),
    items: from.items.map(itemToJson),
  };
}

function itemToJson(from: inventoryV1.ImportItem): ImportItem {
  const { facts, extensions, der: _, ...rest } = from;
  return {
    ...rest,
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
