import { precondition } from '@certferry/core';
import type { OpenStore, PreparedChange } from '@certferry/store-drivers';
import type { DeploymentContext } from '../deployment-context.ts';
import type { Job } from '../jobs/job.ts';
import { versionContext, type Version } from './version.ts';

/** The change that puts a version back into its place. */
export async function restoreChange(
  { secrets }: Pick<DeploymentContext, 'secrets'>,
  open: OpenStore,
  { version, alias, all = false }: { version: Version; alias: string; all?: boolean },
): Promise<PreparedChange> {
  return await open.prepareRestore(alias, secrets.open(version.sealed, versionContext(version._id)), { all });
}

/** What a rollback by hand changes. FAILED_PRECONDITION VERSION_GONE where what it puts back is not kept any more. */
export async function prepareRollback(
  context: Pick<DeploymentContext, 'secrets' | 'versions'>,
  open: OpenStore,
  { alias, restores }: Pick<Job, 'alias' | 'restores'>,
): Promise<PreparedChange> {
  const version = await context.versions.find(restores!.id);
  if (!version) throw precondition('VERSION_GONE', `Version ${restores!.number} of the store is not kept any more.`);
  return await restoreChange(context, open, { version, alias });
}
