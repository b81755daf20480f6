import type { StoreEntry } from '@certferry/store-drivers';
import type { Job, JobError } from '../jobs/job.ts';
import { findStore, type OpenContext } from '../stores/open-store.ts';
import type { StoreEndpoints } from './endpoints.ts';
import { lookAtServed, type LookContext } from './look-at-served.ts';
import type { Look } from './look.ts';

export interface Looked {
  /** Absent when nothing was to be looked at. */
  look?: Look[];
  /** NOT_SERVED: an endpoint does not show what the store holds. */
  error?: JobError;
  onMismatch: StoreEndpoints['onMismatch'];
}

/** Looks where the store of a job is served, once its entry is as asked; a removal leaves nothing to look for. */
export async function lookAfterJob(
  context: LookContext & Pick<OpenContext, 'stores'>,
  { storeId, action, alias }: Pick<Job, 'storeId' | 'action' | 'alias'>,
  { held, signal }: { held: StoreEntry | undefined; signal: AbortSignal },
): Promise<Looked> {
  const { endpoints } = await findStore(context, storeId);
  const items = endpoints?.items.filter((one) => !one.alias || one.alias.toLowerCase() === alias.toLowerCase()) ?? [];
  if (!endpoints || !held || action === 'remove' || items.length === 0) return { onMismatch: 'fail' };
  const { fingerprintSha256 } = held.facts;
  const written = { fingerprintSha256, chain: held.chain.map(({ facts }) => facts) };
  const look = await lookAtServed(context, { ...endpoints, items }, { written, signal });
  const { onMismatch } = endpoints;
  return { look, onMismatch, ...(look.some(({ ok }) => !ok) && { error: notServed(look) }) };
}

function notServed(look: Look[]): JobError {
  const wrong = look.filter(({ ok }) => !ok);
  const told = wrong.map(
    ({ address, serverName, attempts, problem }) =>
      `${address}${serverName && ` (${serverName})`}, looked at ${attempts === 1 ? 'once' : `${attempts} times`}: ${problem}`,
  );
  return {
    reason: 'NOT_SERVED',
    message: `What the store holds is not served. ${told.join(' ')}`,
    retryable: false,
  };
}
