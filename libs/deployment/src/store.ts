import { invalid } from '@certferry/core';
import type { SecretKeeper } from '@certferry/secrets';
import { secretFields, type StoreDriver } from '@certferry/store-drivers';

/** A place that certificates are deployed to. */
export interface Store {
  _id: string;
  name: string;
  kind: string;
  /** Without its secrets. */
  config: Record<string, unknown>;
  /** The secrets of the config as JSON, sealed. */
  sealedSecrets?: Buffer;
  labels: { key: string; value: string }[];
  createdAt: Date;
  updatedAt: Date;
}

export interface StoreDraft {
  name: string;
  kind: string;
  config: Record<string, unknown>;
  labels: Record<string, string>;
}

const secretsContext = (id: string): string => `store:${id}:secrets:1`;

export function checkNameAndLabels({ name, labels }: { name?: string; labels?: Record<string, string> }): void {
  if (name !== undefined && (name.trim() === '' || name.length > 200)) {
    throw invalid('INVALID_FIELD', 'The name of a store must have 1 to 200 characters.', { field: 'name' });
  }
  if (!labels) return;
  const entries = Object.entries(labels);
  if (entries.length > 100) throw invalid('INVALID_FIELD', 'A store can have at most 100 labels.', { field: 'labels' });
  for (const [key, value] of entries) {
    if (key === '' || key.length > 100 || value.length > 1_000) {
      throw invalid('INVALID_FIELD', 'A label has a key of 1 to 100 and a text of up to 1,000 characters.', {
        field: 'labels',
      });
    }
  }
}

/** Splits a checked config into what is stored in the clear and what is sealed. */
export function sealConfig(
  id: string,
  checked: { driver: StoreDriver; config: Record<string, unknown> },
  secrets: SecretKeeper,
): Pick<Store, 'config' | 'sealedSecrets'> {
  const hidden = secretFields(checked.driver);
  const split = (wanted: boolean) =>
    Object.fromEntries(Object.entries(checked.config).filter(([key]) => hidden.includes(key) === wanted));
  if (hidden.length === 0) return { config: checked.config };
  return {
    config: split(false),
    sealedSecrets: secrets.seal(Buffer.from(JSON.stringify(split(true))), secretsContext(id)),
  };
}

/** The whole config, secrets included. */
export function openConfig(store: Store, secrets: SecretKeeper): Record<string, unknown> {
  if (!store.sealedSecrets) return store.config;
  const opened = secrets.open(store.sealedSecrets, secretsContext(store._id));
  return { ...store.config, ...(JSON.parse(opened.toString()) as Record<string, unknown>) };
}
