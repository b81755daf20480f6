import { notFound, precondition } from '@certferry/core';
import type { Jobs } from '../jobs/jobs.ts';
import { findStore } from './open-store.ts';
import type { StoreContents } from '../places/store-contents.ts';
import type { Stores } from './stores.ts';
import type { Versions } from '../versions/versions.ts';

/** Forgets a store; what it holds stays as it is. FAILED_PRECONDITION STORE_HAS_JOBS while jobs of it are not final. */
export async function deleteStore(
  context: { stores: Stores; jobs: Jobs; contents: StoreContents; versions: Versions },
  id: string,
): Promise<void> {
  await findStore(context, id);
  if (await context.jobs.hasUnfinished(id)) {
    throw precondition('STORE_HAS_JOBS', 'The store has jobs that are not final: wait for them or cancel them.', {
      id,
    });
  }
  if (!(await context.stores.delete(id))) throw notFound('store', id);
  await context.contents.delete(id);
  await context.versions.deleteOf(id);
}
