import { AppError, invalid } from '@certferry/core';
import type { DeploymentContext } from '../deployment-context.ts';
import { withStore } from '../stores/open-store.ts';
import type { Store } from '../stores/store.ts';
import { keepRead } from './keep-content.ts';
import type { HeldEntry } from './store-content.ts';

/** Where a certificate is. */
export interface Place extends HeldEntry {
  store: Pick<Store, '_id' | 'name' | 'kind'>;
  /** Absent with a problem, and where the store was never read. */
  verifiedAt?: Date;
  /** Why the store cannot be read; empty if it was, or was not asked to be. */
  problem: string;
}

const MAX_FINGERPRINTS = 500;
/** Stores that are read at a time: what waits behind too many others would seem not to answer. */
const PARALLEL = 8;

/** Where leaf certificates are, by store name and alias; `verify` reads the stores that are known to hold them first. */
export async function listPlaces(
  context: DeploymentContext,
  fingerprints: string[],
  { verify }: { verify: boolean },
): Promise<Place[]> {
  if (fingerprints.length === 0 || fingerprints.length > MAX_FINGERPRINTS)
    throw invalid('INVALID_FIELD', `Places are asked for of 1 to ${MAX_FINGERPRINTS} certificates.`, {
      field: 'fingerprints_sha256',
    });
  const problems = verify ? await readHolders(context, fingerprints) : new Map<string, string>();
  const held = await context.contents.holding(fingerprints);
  const stores = await context.stores.findAll(held.map(({ _id }) => _id));
  const wanted = new Set(fingerprints);
  const places = held.flatMap(({ _id, entries, readAt }) => {
    const store = stores.get(_id);
    if (!store) return [];
    const problem = problems.get(_id) ?? '';
    const found = entries.filter(({ fingerprintSha256 }) => wanted.has(fingerprintSha256));
    return found.map((entry): Place => ({
      ...entry,
      store,
      problem,
      ...(readAt && !problem && { verifiedAt: readAt }),
    }));
  });
  return places.sort(byStoreAndAlias);
}

/** Why each of these stores could not be read. A failed read is never an empty store: what is kept of it stays. */
async function readHolders(context: DeploymentContext, fingerprints: string[]): Promise<Map<string, string>> {
  const problems = new Map<string, string>();
  const ids = (await context.contents.holding(fingerprints)).map(({ _id }) => _id);
  const read = async (id: string) => {
    try {
      const entries = () => withStore(context, { id }, (open) => open.entries());
      await keepRead(context, id, { read: entries, at: context.clock.now() });
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
      problems.set(id, error.message);
    }
  };
  for (let at = 0; at < ids.length; at += PARALLEL) await Promise.all(ids.slice(at, at + PARALLEL).map(read));
  return problems;
}

/** By store name, then alias. */
export const byStoreAndAlias = (a: Pick<Place, 'store' | 'alias'>, b: Pick<Place, 'store' | 'alias'>): number =>
  compare(a.store.name, b.store.name) || compare(a.alias, b.alias);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
