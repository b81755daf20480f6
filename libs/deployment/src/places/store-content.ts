import type { StoreEntry } from '@certferry/store-drivers';
import type { Job } from '../jobs/job.ts';

/** What a store held when it was read last, or should hold after its jobs. */
export interface StoreContent {
  /** The store's id. */
  _id: string;
  entries: HeldEntry[];
  /** Absent: worked out from the store's jobs, not read yet. */
  readAt?: Date;
  /** Rises with every change: what was read before another has saved is not saved over it. */
  revision: number;
}

/** A certificate in a place. */
export interface HeldEntry {
  /** Empty for kinds without aliases. */
  alias: string;
  fingerprintSha256: string;
  hasPrivateKey: boolean;
  /** The job that put it there, and when. Absent where none did. */
  jobId?: string;
  since?: Date;
}

/** So much of a job as it takes to know what it put where. */
export type PlacingJob = Pick<
  Job,
  '_id' | 'action' | 'alias' | 'fingerprintSha256' | 'includePrivateKey' | 'updatedAt'
>;

/** Whether the names of two places are one: stores do not tell aliases apart by case. */
export const isAlias = (one: string, other: string): boolean => one.toLowerCase() === other.toLowerCase();

const isSame = (one: HeldEntry, other: Pick<HeldEntry, 'alias' | 'fingerprintSha256'>): boolean =>
  isAlias(one.alias, other.alias) && one.fingerprintSha256 === other.fingerprintSha256;

/** What was read from a store; of each entry that was there before it is still known who put it there. */
export function contentRead(
  before: StoreContent,
  entries: readonly StoreEntry[],
  { at, by }: { at: Date; by?: Pick<Job, '_id' | 'alias' | 'fingerprintSha256'> },
): StoreContent {
  const held = entries.map(({ alias, facts: { fingerprintSha256 }, hasPrivateKey }): HeldEntry => {
    const entry = { alias, fingerprintSha256, hasPrivateKey };
    const known = before.entries.find((one) => isSame(one, entry));
    if (known?.jobId !== undefined) return { ...entry, jobId: known.jobId, since: known.since! };
    return by && isSame(entry, by) ? { ...entry, jobId: by._id, since: at } : entry;
  });
  return { _id: before._id, entries: held, readAt: at, revision: before.revision + 1 };
}

/** What a store holds by the record: its jobs that have succeeded, the oldest first. */
export function contentOfJobs(storeId: string, jobs: readonly PlacingJob[]): StoreContent {
  const places = new Map<string, HeldEntry>();
  for (const { _id: jobId, action, alias, fingerprintSha256, includePrivateKey, updatedAt: since } of jobs) {
    const place = alias.toLowerCase();
    // A rollback to nothing has no certificate.
    if (action === 'remove' || fingerprintSha256 === '') places.delete(place);
    else if (places.get(place)?.fingerprintSha256 !== fingerprintSha256)
      places.set(place, { alias, fingerprintSha256, hasPrivateKey: includePrivateKey, jobId, since });
  }
  return { _id: storeId, entries: [...places.values()], revision: 0 };
}
