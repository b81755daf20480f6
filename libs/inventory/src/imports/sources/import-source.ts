import type { EnrollmentProfile } from '../../enrollment-profiles/enrollment-profile.ts';
import type { ImportChain, ImportItem } from '../import.ts';
import type { ImportJob, JobPasswords, JobRequest } from '../import-job.ts';
import type { ArchiveContext } from '../parse-archive.ts';
import type { Saving } from '../saving.ts';

/** What a unit of work did; `certificateIds` are those that a profile deploys. */
export interface UnitResult {
  item: ImportItem;
  certificateIds: string[];
}

/** One item of a job. Done twice it changes nothing. */
export interface Unit {
  index: number;
  file?: string;
  run: (saving: Saving) => Promise<UnitResult>;
}

export interface Batch {
  units: Unit[];
  /** What is known by now of the whole. */
  total?: number;
  format?: string;
  notices?: string[];
  chains?: ImportChain[];
}

export interface SourceContext extends ArchiveContext {
  job: ImportJob;
  request: JobRequest;
  passwords: JobPasswords;
  profile?: EnrollmentProfile;
  signal: AbortSignal;
}

/**
 * What there is to do in a content, in an order that is the same every time; the first `job.done` units are left out, or
 * passed over by `skipUnits`. Throws what ends the job: INVALID_ARGUMENT and RESOURCE_EXHAUSTED.
 */
export type ImportSource = (context: SourceContext) => AsyncIterable<Batch>;

/** An item alone. */
export const done = (item: ImportItem): UnitResult => ({
  item,
  certificateIds: item.certificateId && item.result !== 'failed' ? [item.certificateId] : [],
});

/** Leaves the first `count` units out. */
export async function* skipUnits(batches: AsyncIterable<Batch>, count: number): AsyncGenerator<Batch> {
  let left = count;
  for await (const batch of batches) {
    const units = batch.units.slice(left);
    left = Math.max(0, left - batch.units.length);
    yield { ...batch, units };
  }
}
