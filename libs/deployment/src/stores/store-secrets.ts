import type { SecretKeeper } from '@certferry/secrets';
import { secretFields, type StoreDriver } from '@certferry/store-drivers';
import type { Store } from './store.ts';

const secretsContext = (id: string): string => `store:${id}:secrets:1`;

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

/** The secrets of a store's config. */
export function openSecrets(store: Store, secrets: SecretKeeper): Record<string, unknown> {
  if (!store.sealedSecrets) return {};
  const opened = secrets.open(store.sealedSecrets, secretsContext(store._id));
  return JSON.parse(opened.toString()) as Record<string, unknown>;
}

/** The whole config, secrets included. */
export const openConfig = (store: Store, secrets: SecretKeeper): Record<string, unknown> => ({
  ...store.config,
  ...openSecrets(store, secrets),
});
