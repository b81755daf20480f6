import type { Clock } from '@certferry/core';
import type { Outbound } from '@certferry/outbound';
import { checkConfig, findDriver, type Hooks, type OpenStore } from '@certferry/store-drivers';
import { checkHookChoice } from '../hooks/hook-choice.ts';
import { checkEndpoints } from '../looks/endpoints.ts';
import { checkRenewalChoice } from '../renewals/renewal-choice.ts';
import { checkKeepVersions } from '../versions/version.ts';
import { storeLimits, type OpenContext } from './open-store.ts';
import { checkNameAndLabels, toLabels, type Store, type StoreDraft } from './store.ts';
import { sealConfig } from './store-secrets.ts';

export type DraftContext = OpenContext & { clock: Clock; hooks: Hooks; outbound: Outbound };

/**
 * A store that is not saved: it is opened once, so that a store which can never work is refused at once, and so is one
 * whose files are another store's. ALREADY_EXISTS STORE_PLACE_TAKEN.
 */
export async function draftStore(context: DraftContext, id: string, draft: StoreDraft): Promise<Store> {
  const { access, secrets, clock, outbound } = context;
  const { name, kind, policy, renewal, hooks, keepVersions } = draft;
  checkNameAndLabels(draft);
  if (renewal) checkRenewalChoice(renewal);
  checkHookChoice(context.hooks, hooks);
  checkKeepVersions(keepVersions);
  const driver = findDriver(kind);
  const config = checkConfig(driver, draft.config);
  const endpoints = await checkEndpoints(outbound, draft.endpoints);
  const places = await findPlaces(await access.open({ id, kind, config }, storeLimits()));
  await context.stores.checkPlaces({ _id: id, name, places });
  const now = clock.now();
  const sealed = sealConfig(id, { driver, config }, secrets);
  const labels = toLabels(draft.labels);
  const chosen = {
    ...(policy && { policy }),
    ...(endpoints && { endpoints }),
    ...(places.length > 0 && { places }),
    ...(renewal && { renewal }),
    ...(hooks && { hooks }),
    ...(keepVersions !== undefined && { keepVersions }),
  };
  return { _id: id, name, kind, ...sealed, labels, ...chosen, createdAt: now, updatedAt: now };
}

async function findPlaces(store: OpenStore): Promise<string[]> {
  try {
    return (await store.places?.()) ?? [];
  } finally {
    await store.close();
  }
}
