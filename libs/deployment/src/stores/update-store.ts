import { notFound } from '@certferry/core';
import { draftStore, type DraftContext } from './draft-store.ts';
import { findStore } from './open-store.ts';
import { fromLabels, type Store, type StoreDraft } from './store.ts';
import { openSecrets } from './store-secrets.ts';

/** Sets what is given; secrets that a new config leaves out keep their value. */
export async function updateStore(
  context: DraftContext,
  id: string,
  { name, config, labels, ...chosen }: Partial<Omit<StoreDraft, 'kind'>>,
): Promise<Store> {
  const store = await findStore(context, id);
  const draft = {
    name: name ?? store.name,
    kind: store.kind,
    config: { ...openSecrets(store, context.secrets), ...(config ?? store.config) },
    labels: labels ?? fromLabels(store.labels),
    policy: chosen.policy ?? store.policy,
    endpoints: chosen.endpoints ?? store.endpoints,
    renewal: chosen.renewal ?? store.renewal,
    hooks: chosen.hooks ?? store.hooks,
    keepVersions: chosen.keepVersions ?? store.keepVersions,
  };
  const updated = { ...(await draftStore(context, id, draft)), createdAt: store.createdAt };
  if (!(await context.stores.replace(updated))) throw notFound('store', id);
  return updated;
}
