import { AppError } from '@certferry/core';
import type { Change, OpenStore } from '@certferry/store-drivers';
import type { DeploymentContext } from '../deployment-context.ts';
import type { Intent } from '../jobs/job.ts';
import { restoreChange } from './restore-change.ts';

/** What became of the attempt to put back what a place held before a job. */
export interface RolledBack {
  ok: boolean;
  /** Number of the version that was put back; 0: none. */
  version: number;
  changes: Change[];
  message: string;
}

/**
 * Puts back what the place held before the job wrote it, and reads it back. Can be called again after it was
 * interrupted. Answers `ok: false` when that can never be done; throws what another attempt may not meet.
 */
export async function rollBack(
  context: Pick<DeploymentContext, 'versions' | 'secrets'>,
  open: OpenStore,
  { intent, alias, ensureHeld }: { intent: Intent; alias: string; ensureHeld: () => void },
): Promise<RolledBack> {
  const { oldDigest, newDigest, version: id } = intent;
  const version = id === undefined ? undefined : await context.versions.find(id);
  if (!version) return notDone('What the store held before was not kept.');
  const revision = await open.revision();
  const back = { ok: true, version: version.number, message: 'What the store held before is back.' };
  if (revision === oldDigest) return { ...back, changes: [] };
  if (revision !== newDigest)
    return notDone('The store was changed by somebody else after this job; nothing was rolled back.');
  try {
    const prepared = await restoreChange(context, open, { version, alias, all: true });
    ensureHeld();
    await prepared.write();
    if ((await open.revision()) !== prepared.newRevision) throw notAsWritten();
    await open.cleanUp();
    return { ...back, changes: prepared.changes };
  } catch (error) {
    if (error instanceof AppError && ['FAILED_PRECONDITION', 'PERMISSION_DENIED'].includes(error.code))
      return notDone(`Rolling back failed: ${error.message}`);
    throw error;
  }
}

const notDone = (message: string): RolledBack => ({ ok: false, version: 0, changes: [], message });

/** ABORTED: another attempt reads again. */
const notAsWritten = (): AppError =>
  new AppError({
    code: 'ABORTED',
    reason: 'NOT_AS_WRITTEN',
    message: 'Reading the store back after the rollback did not find what was written.',
  });
