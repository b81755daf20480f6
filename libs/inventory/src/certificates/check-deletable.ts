import { precondition } from '@certferry/core';
import type { deploymentV1 } from '@certferry/contracts';
import type { Client } from '@certferry/rpc';
import { findLocations, type LocationContext } from '../locations/find-locations.ts';
import type { Certificate } from './certificate.ts';

export type UseContext = LocationContext & {
  stores: Client<typeof deploymentV1.StoreServiceDefinition>;
  jobs: Client<typeof deploymentV1.JobServiceDefinition>;
};

/** Of a job that will change a store. */
const UNFINISHED = ['scheduled', 'queued', 'running', 'retrying'];
const MOST_JOBS = 500;
/** Of so many stores the sentence tells; the details have all. */
const TOLD_STORES = 5;

/** FAILED_PRECONDITION CERTIFICATE_DEPLOYED while a store holds it, or may hold it, or a job of it waits; names them. */
export async function checkDeletable(context: UseContext, certificate: Certificate): Promise<void> {
  const waiting = await storesWithJobs(context, certificate._id);
  const holding = new Set(
    (await findLocations(context, certificate, { verify: true })).map(({ storeName }) => storeName),
  );
  if (holding.size === 0 && waiting.size === 0) return;
  const why = [
    ...(holding.size > 0 ? [`it is in ${tell(holding)}`] : []),
    ...(waiting.size > 0 ? [`jobs of it wait for ${tell(waiting)}`] : []),
  ];
  throw precondition(
    'CERTIFICATE_DEPLOYED',
    `The certificate cannot be deleted: ${why.join(', and ')}. Remove it there first, or force it.`,
    { id: certificate._id, stores: JSON.stringify([...holding]), waiting: JSON.stringify([...waiting]) },
  );
}

/** Names of the stores for which jobs of a certificate have not ended. */
async function storesWithJobs({ jobs, stores }: UseContext, certificateId: string): Promise<Set<string>> {
  const filter = UNFINISHED.map((status) => `Status -eq "${status}"`).join(' OR ');
  const { items } = await jobs.listJobs({ certificateId, filter, limit: MOST_JOBS });
  const ids = [...new Set(items.map(({ storeId }) => storeId))];
  const named = await Promise.all(ids.map((id) => stores.getStore({ id })));
  return new Set(named.map(({ store }) => store!.name));
}

function tell(names: ReadonlySet<string>): string {
  const told = [...names].slice(0, TOLD_STORES).map((name) => `"${name}"`);
  const more = names.size - told.length;
  return `the ${names.size === 1 ? 'store' : 'stores'} ${told.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
