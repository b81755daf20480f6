import type { CertificateFacts, Finding } from '@certferry/x509';

export type ImportResult = 'created' | 'updated' | 'unchanged' | 'failed';

export interface ImportItem {
  index: number;
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
  status: 'completed' | 'inspected';
  format: string;
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
  createdAt: Date;
}

export function failedItem(index: number, failure: { reason: string; message: string }): ImportItem {
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
