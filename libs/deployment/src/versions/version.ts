import { invalid } from '@certferry/core';

/** What a place of a store held before a job wrote it. */
export interface Version {
  _id: string;
  storeId: string;
  /** The entry's name as the job wrote it; empty for kinds without aliases. */
  alias: string;
  /** The alias in lower case: stores do not tell aliases apart by case. */
  place: string;
  /** Rises within a store; the same content kept again gets a new number. */
  number: number;
  /** The driver's snapshot, sealed: it has keys in it. */
  sealed: Buffer;
  /** SHA-256 of the snapshot. */
  digest: string;
  /** Of the leaf; empty when the place held nothing, or nothing that can be read. */
  fingerprintSha256: string;
  subject: string;
  notAfter?: Date;
  hasPrivateKey: boolean;
  /** The job that wrote over it. */
  jobId: string;
  keptAt: Date;
}

export const DEFAULT_KEPT = 3;
const MAX_KEPT = 20;

/** INVALID_ARGUMENT INVALID_FIELD unless it is 0 (none) to 20. */
export function checkKeepVersions(count: number | undefined): void {
  if (count === undefined || (Number.isInteger(count) && count >= 0 && count <= MAX_KEPT)) return;
  throw invalid('INVALID_FIELD', `A store keeps 0 to ${MAX_KEPT} versions of a place, not ${count}.`, {
    field: 'keepVersions',
  });
}

/** What a version's bytes are sealed with. */
export const versionContext = (id: string): string => `store-version:${id}:1`;
