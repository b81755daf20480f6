import { AppError } from '@certferry/core';
import { deploymentV1, type inventoryV1 } from '@certferry/contracts';
import type { Client } from '@certferry/rpc';
import type { Certificate } from '../certificates/certificate.ts';

export interface LocationContext {
  stores: Client<typeof deploymentV1.StoreServiceDefinition>;
  jobs: Client<typeof deploymentV1.JobServiceDefinition>;
}

const MAX_JOBS = 500;

/**
 * Where a certificate is now: the stores that a deployment of it succeeded in, read again. A store that cannot be read is
 * a location with its problem: a failed read is never an empty store.
 */
export async function findLocations(
  context: LocationContext,
  certificate: Certificate,
): Promise<inventoryV1.Location[]> {
  const status = deploymentV1.JobStatus.SUCCEEDED;
  const { items } = await context.jobs.listJobs({ certificateId: certificate._id, status, limit: MAX_JOBS });
  const newest = new Map<string, deploymentV1.Job>();
  for (const job of items) if (!newest.has(job.storeId)) newest.set(job.storeId, job);
  const found = await Promise.all([...newest.values()].map((job) => readStore(context, certificate, job)));
  return found.flat().sort((a, b) => (a.storeName + a.alias < b.storeName + b.alias ? -1 : 1));
}

async function readStore(
  { stores }: LocationContext,
  certificate: Certificate,
  job: deploymentV1.Job,
): Promise<inventoryV1.Location[]> {
  const id = job.storeId;
  const store = (await stores.getStore({ id }).catch(unlessAbsent))?.store;
  if (!store) return [];
  const place = {
    certificateId: certificate._id,
    storeId: id,
    storeName: store.name,
    storeKind: store.kind,
    jobId: job.id,
    deployedAt: job.updatedAt,
  };
  try {
    const { items } = await stores.listStoreEntries({ id });
    return items
      .filter((entry) => entry.fingerprintSha256 === certificate.fingerprintSha256)
      .map(({ alias, hasPrivateKey }) => ({ ...place, alias, hasPrivateKey, verifiedAt: new Date(), problem: '' }));
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
    if (error.code === 'NOT_FOUND') return [];
    return [{ ...place, alias: job.alias, hasPrivateKey: false, verifiedAt: undefined, problem: error.message }];
  }
}

function unlessAbsent(error: unknown): undefined {
  if (error instanceof AppError && error.code === 'NOT_FOUND') return undefined;
  throw error;
}
