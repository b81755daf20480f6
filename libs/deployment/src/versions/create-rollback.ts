import { invalid, notFound } from '@certferry/core';
import { callContext } from '@certferry/rpc';
import type { DeploymentContext } from '../deployment-context.ts';
import { insertJob } from '../deployments/insert-job.ts';
import type { Job } from '../jobs/job.ts';
import { findStore } from '../stores/open-store.ts';
import type { Version } from './version.ts';

export interface RollbackRequest {
  storeId: string;
  alias?: string;
  /** 0: the newest of the place. */
  version: number;
  /** The same again answers the same job; empty: every call makes a new one. */
  idempotencyKey: string;
}

type Kept = Omit<Version, 'sealed'>;

/** A job that puts a version back. NOT_FOUND STORE_NOT_FOUND, VERSION_NOT_FOUND; INVALID_ARGUMENT INVALID_FIELD. */
export async function createRollback(context: DeploymentContext, request: RollbackRequest): Promise<Job> {
  const { storeId, idempotencyKey } = request;
  const { kind: storeKind } = await findStore(context, storeId);
  const { _id: id, number, alias, fingerprintSha256 } = choose(await context.versions.list(storeId), request);
  const { principal, requestId } = callContext();
  const now = context.clock.now();
  const job = {
    ...{ storeId, storeKind, certificateId: '', fingerprintSha256, alias, overwrite: true, includePrivateKey: false },
    ...{ action: 'rollback' as const, restores: { id, number }, requestedBy: principal.id, requestId },
    ...(idempotencyKey && { requestKey: `${idempotencyKey}:rollback` }),
  };
  const saved = await insertJob(context, job, { now, dueAt: now });
  context.saved();
  return saved;
}

function choose(kept: Kept[], { storeId, alias, version }: RollbackRequest): Kept {
  const place = alias?.trim().toLowerCase();
  const fits = kept.filter(
    (one) => (place === undefined || one.place === place) && (version === 0 || one.number === version),
  );
  const [newest] = fits;
  if (!newest) throw notFound('version', version === 0 ? storeId : String(version));
  if (fits.some((one) => one.place !== newest.place))
    throw invalid('INVALID_FIELD', 'Versions of several entries are kept: say which, by alias or version.', {
      field: 'alias',
    });
  return newest;
}
