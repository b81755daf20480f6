import { invalid, newId } from '@certferry/core';
import type { deploymentV1 } from '@certferry/contracts';
import { DRIVERS, tryStore } from '@certferry/store-drivers';
import { keepRead, type ContentContext } from '../places/keep-content.ts';
import { deleteStore } from './delete-store.ts';
import { draftStore, type DraftContext } from './draft-store.ts';
import { fromChange, fromDraft, toEntry, toStore, toStoreKind } from './mapping.ts';
import { findStore, openStore, withStore } from './open-store.ts';
import { storeFilter } from './store-filter.ts';
import { updateStore } from './update-store.ts';
import type { Versions } from '../versions/versions.ts';

export function createStoreHandlers(
  context: DraftContext & ContentContext & { versions: Versions },
): deploymentV1.StoreServiceImplementation {
  const { stores, clock } = context;
  return {
    listStoreKinds: () => Promise.resolve({ kinds: DRIVERS.map(toStoreKind) }),

    async createStore({ store }) {
      const created = await draftStore(context, newId(), fromDraft(store));
      await stores.insert(created);
      return { store: toStore(created) };
    },

    async getStore({ id }) {
      return { store: toStore(await findStore(context, id)) };
    },

    async listStores({ filter, ...page }) {
      const found = await stores.list({ ...page, filter: [storeFilter(filter, clock.now())] });
      return { ...found, items: found.items.map(toStore) };
    },

    async updateStore({ id, ...change }) {
      return { store: toStore(await updateStore(context, id, fromChange(change))) };
    },

    async deleteStore({ id }) {
      await deleteStore(context, id);
      return {};
    },

    async testStore({ store }) {
      if (!store)
        throw invalid('INVALID_FIELD', 'Either the id of a store or a draft is required.', { field: 'store' });
      const saved = store.$case === 'id' ? await findStore(context, store.value) : undefined;
      const draft = store.$case === 'draft' ? fromDraft(store.value) : undefined;
      const checks = await tryStore((saved ?? draft)!.kind, async () =>
        openStore(context, saved ?? (await draftStore(context, newId(), draft!))),
      );
      return { ok: checks.every((check) => check.ok), checks };
    },

    async listStoreEntries({ id }) {
      const read = () => withStore(context, { id }, (open) => open.entries());
      await findStore(context, id);
      return { items: (await keepRead(context, id, { read, at: clock.now() })).map(toEntry) };
    },
  };
}
