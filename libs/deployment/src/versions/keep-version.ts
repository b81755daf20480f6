import { createHash } from 'node:crypto';
import { newId } from '@certferry/core';
import type { StoreEntry } from '@certferry/store-drivers';
import type { Visit } from '../hooks/run-job-hooks.ts';
import { DEFAULT_KEPT, versionContext } from './version.ts';

/**
 * Keeps what the job's place holds, before it is written over; answers the version's id. Nothing is kept where the
 * store wants no versions and has nothing that could ask for the old content back.
 */
export async function keepVersion(
  { context, open, store, job }: Visit,
  held: StoreEntry | undefined,
): Promise<string | undefined> {
  const { versions, secrets, clock } = context;
  const { _id: jobId, storeId, alias } = job();
  const mayBeWanted = store.hooks?.after.length || store.endpoints?.onMismatch === 'rollback';
  if (store.keepVersions === 0 && !mayBeWanted) return undefined;
  const snapshot = await open.snapshot(alias);
  if (!snapshot) return undefined;
  const place = alias.toLowerCase();
  const id = newId();
  return await versions.keep({
    _id: id,
    storeId,
    alias,
    place,
    sealed: secrets.seal(snapshot, versionContext(id)),
    digest: createHash('sha256').update(snapshot).digest('hex'),
    fingerprintSha256: held?.facts.fingerprintSha256 ?? '',
    subject: held?.facts.subject ?? '',
    notAfter: held?.facts.notAfter,
    hasPrivateKey: held?.hasPrivateKey ?? false,
    jobId,
    keptAt: clock.now(),
  });
}

/** Forgets what the store does not want kept any more, once its job has ended: until then it may be put back. */
export async function pruneVersions({ context, store, job }: Visit): Promise<void> {
  const { storeId, alias } = job();
  await context.versions.prune(storeId, alias.toLowerCase(), store.keepVersions ?? DEFAULT_KEPT);
}
