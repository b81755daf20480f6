import type { Database } from '@certferry/database';
import type { CertificateFacts, Finding } from '@certferry/x509';
import mongoose, { type Model } from 'mongoose';

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
  createdAt: Date;
}

const schema = new mongoose.Schema<Import>(
  {
    _id: { type: String, required: true },
    status: String,
    format: String,
    items: [Object],
    notices: [String],
    chains: { type: [Object], default: undefined },
    requestedBy: String,
    requestId: String,
    createdAt: Date,
  },
  { versionKey: false, minimize: false },
);

export class Imports {
  readonly #model: Model<Import>;

  constructor(database: Database) {
    this.#model = database.model<Import>('imports', schema);
  }

  async save(one: Import): Promise<void> {
    await this.#model.create(one);
  }

  async find(id: string): Promise<Import | undefined> {
    return ((await this.#model.findById(id).lean()) as Import | null) ?? undefined;
  }
}
