import { invalid } from '@certferry/core';
import type { deploymentV1 } from '@certferry/contracts';
import { configSchema, type StoreDriver, type StoreEntry } from '@certferry/store-drivers';
import { fromPolicy, policyOf } from '../policies/policy.ts';
import { toEndpoints } from '../looks/mapping.ts';
import { fromRenewalChoice, toRenewalChoice } from '../renewals/mapping.ts';
import { DEFAULT_KEPT } from '../versions/version.ts';
import { fromLabels, type Store, type StoreDraft } from './store.ts';

export function fromDraft(draft: deploymentV1.StoreDraft | undefined): StoreDraft {
  if (!draft) throw invalid('INVALID_FIELD', 'store is required.', { field: 'store' });
  return {
    ...draft,
    config: draft.config ?? {},
    policy: fromPolicy(draft.policy),
    renewal: draft.renewal && fromRenewalChoice(draft.renewal),
  };
}

export const fromChange = ({
  labels,
  policy,
  renewal,
  ...change
}: Omit<deploymentV1.UpdateStoreRequest, 'id'>): Partial<StoreDraft> => ({
  ...change,
  labels: labels?.values,
  policy: fromPolicy(policy),
  renewal: renewal && fromRenewalChoice(renewal),
});

export function toStore(store: Store): deploymentV1.Store {
  const { _id: id, name, kind, config, labels, renewal, createdAt, updatedAt } = store;
  return {
    id,
    name,
    kind,
    config,
    labels: fromLabels(labels),
    policy: policyOf(store),
    endpoints: toEndpoints(store.endpoints),
    renewal: renewal && toRenewalChoice(renewal),
    hooks: store.hooks,
    keepVersions: store.keepVersions ?? DEFAULT_KEPT,
    createdAt,
    updatedAt,
  };
}

export function toStoreKind(driver: StoreDriver): deploymentV1.StoreKind {
  return {
    kind: driver.kind,
    title: driver.title,
    description: driver.description,
    operations: ['add', 'remove'],
    alias: driver.alias,
    configSchema: configSchema(driver),
  };
}

export function toEntry({ alias, hasPrivateKey, chain, der, facts }: StoreEntry): deploymentV1.StoreEntry {
  const { fingerprintSha256, thumbprint, subject, notAfter } = facts;
  return {
    alias,
    fingerprintSha256,
    thumbprint,
    subject,
    notAfter,
    hasPrivateKey,
    chainLength: chain.length,
    certificate: { der, facts },
    chain,
  };
}
