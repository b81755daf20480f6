/** A place where a certificate is, or was put and cannot be looked at. */
export interface Location {
  certificateId: string;
  storeId: string;
  storeName: string;
  storeKind: string;
  /** Empty for kinds without aliases. */
  alias: string;
  hasPrivateKey: boolean;
  /** The last job that put it there, and when. */
  jobId: string;
  deployedAt: Date | undefined;
  /** When the store was read. Absent with a problem. */
  verifiedAt?: Date;
  /** Why the store could not be read; empty if it was. */
  problem: string;
}

/** By store name, then alias. */
export const byStoreAndAlias = (a: Location, b: Location): number =>
  compare(a.storeName, b.storeName) || compare(a.alias, b.alias);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
