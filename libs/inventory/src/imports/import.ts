import type { CertificateFacts, Finding } from '@certferry/x509';

/** "passedOver": a file of an archive that had nothing to take. */
export type ImportResult = 'created' | 'updated' | 'unchanged' | 'failed' | 'passedOver';

/** "partial": some items failed; "failed": all did; "inspected": nothing was kept. The others are of jobs. */
export type ImportStatus =
  'queued' | 'running' | 'paused' | 'completed' | 'partial' | 'failed' | 'cancelled' | 'inspected';

export interface ImportItem {
  index: number;
  /** The file of an archive that it was in. */
  file?: string;
  result: ImportResult;
  certificateId: string;
  fingerprintSha256: string;
  subject: string;
  hasPrivateKey: boolean;
  changes: string[];
  reason: string;
  message: string;
  issuer: boolean;
  certificateNumber: number;
  findings: Finding[];
  facts?: CertificateFacts;
  der?: Uint8Array;
  keyInContainer?: boolean;
  /** The certificate that had the key already, where this one got it from the inventory. */
  keyFromCertificateId?: string;
  /** Further certificates of the inventory that got the key of this item. */
  keyAddedTo?: string[];
}

/** How items belong together, by their index: a leaf, then its issuers, nearest first. */
export interface ImportChain {
  indexes: number[];
  /** Further certificates of these issuers. */
  crossSigned: number[];
}

/** What an import did, kept so that it can be looked up. */
export interface Import {
  _id: string;
  status: ImportStatus;
  /** Empty until it is known. */
  format: string;
  /** Of an import by one request. */
  items: ImportItem[];
  notices: string[];
  /** Absent in imports from before it was kept. */
  chains?: ImportChain[];
  /** Id of the API key that asked for it. Absent in imports from before it was kept. */
  requestedBy?: string;
  /** Id of the request that asked for it. */
  requestId?: string;
  /** Where it was fetched from; absent for what was sent. */
  source?: string;
  /** Of the container. Absent in imports from before it was kept. */
  bytes?: number;
  createdAt: Date;
}

/** How many items have each result. */
export function countResults(items: ImportItem[]): Record<ImportResult, number> {
  const counts = { created: 0, updated: 0, unchanged: 0, failed: 0, passedOver: 0 };
  for (const { result } of items) counts[result]++;
  return counts;
}

/** How an import that kept something ended. */
export function endStatus(items: ImportItem[]): ImportStatus {
  const { failed } = countResults(items);
  if (failed === 0) return 'completed';
  return failed === items.length ? 'failed' : 'partial';
}

export const failedItem = (index: number, failure: { reason: string; message: string }): ImportItem =>
  itemWithout(index, { result: 'failed', ...failure });

export const passedOverItem = (index: number, message: string): ImportItem =>
  itemWithout(index, { result: 'passedOver', reason: '', message });

/** Of what is no certificate. */
function itemWithout(index: number, why: Pick<ImportItem, 'result' | 'reason' | 'message'>): ImportItem {
  return {
    ...why,
    index,
    certificateId: '',
    fingerprintSha256: '',
    subject: '',
    hasPrivateKey: false,
    changes: [],
    issuer: false,
    certificateNumber: 0,
    findings: [],
  };
}
