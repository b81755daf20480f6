import { notFound } from '@certferry/core';
import { callContext } from '@certferry/rpc';
import type { SecretKeeper } from '@certferry/secrets';
import type { OpenStore, StoreAccess, StoreLimits } from '@certferry/store-drivers';
import type { Store } from './store.ts';
import { openConfig } from './store-secrets.ts';
import type { Stores } from './stores.ts';

export interface OpenContext {
  stores: Stores;
  access: StoreAccess;
  secrets: SecretKeeper;
}

/** How long one visit to a store may take. */
const STORE_DEADLINE_MS = 300_000;

/** As long as the call that this is for has, and at most five minutes; `stop` ends it earlier. */
export function storeLimits(stop?: AbortSignal): StoreLimits {
  const { signal, deadline } = callContext();
  const latest = new Date(Date.now() + STORE_DEADLINE_MS);
  return {
    signal: stop ? AbortSignal.any([signal, stop]) : signal,
    deadline: deadline && deadline < latest ? deadline : latest,
  };
}

/** Opens a store with its secrets. Whoever opens it closes it. */
export async function openStore(
  { access, secrets }: Pick<OpenContext, 'access' | 'secrets'>,
  store: Store,
  stop?: AbortSignal,
): Promise<OpenStore> {
  const config = openConfig(store, secrets);
  return await access.open({ id: store._id, kind: store.kind, config }, storeLimits(stop));
}

/** NOT_FOUND STORE_NOT_FOUND. */
export async function findStore({ stores }: Pick<OpenContext, 'stores'>, id: string): Promise<Store> {
  const store = await stores.find(id);
  if (!store) throw notFound('store', id);
  return store;
}

/** Opens a store by its id, and closes it when `use` has ended. */
export async function withStore<T>(
  context: OpenContext,
  { id, stop }: { id: string; stop?: AbortSignal },
  use: (open: OpenStore, store: Store) => Promise<T>,
): Promise<T> {
  const store = await findStore(context, id);
  const open = await openStore(context, store, stop);
  try {
    return await use(open, store);
  } finally {
    await open.close();
  }
}
