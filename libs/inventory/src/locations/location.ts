/** A place where a certificate is. */
export interface Location {
  certificateId: string;
  storeId: string;
  storeName: string;
  storeKind: string;
  /** Empty for kinds without aliases. */
  alias: string;
  hasPrivateKey: boolean;
  /** The job that put it there, and when; empty and undefined where none did. */
  jobId: string;
  deployedAt: Date | undefined;
  /** When the store was read last. Undefined with a problem. */
  verifiedAt: Date | undefined;
  /** Why the store cannot be read; empty if it was, or was not asked to be. */
  problem: string;
}
