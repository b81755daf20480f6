import { AppError, type Clock } from '@certferry/core';
import { deploymentV1 } from '@certferry/contracts';
import type { Client } from '@certferry/rpc';
import type { Certificate } from '../certificates/certificate.ts';
import { byStoreAndAlias, type Location } from './location.ts';

export interface LocationContext {
  stores: Client<typeof deploymentV1.StoreServiceDefinition>;
  jobs: Client<typeof deploymentV1.JobServiceDefinition>;
  clock: Clock;
}

const PAGE = 500;
/** Stores that are read at a time: what waits behind too many others would seem not to answer. */
const PARALLEL = 8;

/**
 * Where a certificate is now: the stores that a deployment of it succeeded in, read again. A store that cannot be read is
 * a location with its problem: a failed read is never an empty store.
 */
export async function findLocations(context: LocationContext, certificate: Certificate): Promise<Location[]> {
  const deployed = [...(await lastJobs(context, certificate._id)).entries()];
  const found: Location[] = [];
  for (let at = 0; at < deployed.length; at += PARALLEL) {
    const some = deployed.slice(at, at + PARALLEL);
    const read = await Promise.all(some.map(([storeId, jobs]) => readStore(context, certificate, { storeId, jobs })));
    found.push(...read.flat());
  }
  return found.sort(byStoreAndAlias);
}

/** The last job that succeeded with this certificate, by store and alias; of a store the newest first. */
async function lastJobs(
  { jobs }: LocationContext,
  certificateId: string,
): Promise<Map<string, Map<string, deploymentV1.Job>>> {
  const last = new Map<string, Map<string, deploymentV1.Job>>();
  const status = deploymentV1.JobStatus.SUCCEEDED;
  let cursor = '';
  do {
    const page = await jobs.listJobs({ certificateId, status, limit: PAGE, cursor });
    for (const job of page.items) {
      const ofStore = last.get(job.storeId) ?? new Map<string, deploymentV1.Job>();
      if (!ofStore.has(job.alias)) ofStore.set(job.alias, job);
      last.set(job.storeId, ofStore);
    }
    cursor = page.nextCursor;
  } while (cursor !== '');
  return last;
}

async function readStore(
  { stores, clock }: LocationContext,
  certificate: Certificate,
  { storeId, jobs }: { storeId: string; jobs: Map<string, deploymentV1.Job> },
): Promise<Location[]> {
  const store = await unlessGone(stores.getStore({ id: storeId }));
  if (!store?.store) return [];
  const { name: storeName, kind: storeKind } = store.store;
  const place = { certificateId: certificate._id, storeId, storeName, storeKind };
  const added = [...jobs.values()].filter((job) => job.action === deploymentV1.DeploymentAction.ADD);
  const by = (job: deploymentV1.Job | undefined) => ({ jobId: job?.id ?? '', deployedAt: job?.updatedAt });
  try {
    const { items } = (await unlessGone(stores.listStoreEntries({ id: storeId }))) ?? { items: [] };
    const verifiedAt = clock.now();
    return items
      .filter((entry) => entry.fingerprintSha256 === certificate.fingerprintSha256)
      .map(({ alias, hasPrivateKey }) => {
        const job = added.find((one) => one.alias === alias) ?? added[0];
        return { ...place, ...by(job), alias, hasPrivateKey, verifiedAt, problem: '' };
      });
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
    const { message: problem } = error;
    // It may still be where it was put and not taken out again.
    return added.map((job) => ({ ...place, ...by(job), alias: job.alias, hasPrivateKey: false, problem }));
  }
}

/** Undefined when the store is no longer there. */
async function unlessGone<T>(answer: Promise<T>): Promise<T | undefined> {
  return await answer.catch((error: unknown) => {
    if (error instanceof AppError && error.reason === 'STORE_NOT_FOUND') return undefined;
    throw error;
  });
}
