import type { Clock } from '@certferry/core';
import { checkConfig, findDriver } from '@certferry/store-drivers';
import { storeLimits, type OpenContext } from './open-store.ts';
import { checkNameAndLabels, toLabels, type Store, type StoreDraft } from './store.ts';
import { sealConfig } from './store-secrets.ts';

export type DraftContext = OpenContext & { clock: Clock };

/** A store that is not saved: it is opened once, so that a store which can never work is refused at once. */
export async function draftStore(context: DraftContext, id: string, draft: StoreDraft): Promise<Store> {
  const { access, secrets, clock } = context;
  const { name, kind, policy } = draft;
  checkNameAndLabels(draft);
  const driver = findDriver(kind);
  const config = checkConfig(driver, draft.config);
  const tried = await access.open({ id, kind, config }, storeLimits());
  await tried.close();
  const now = clock.now();
  const sealed = sealConfig(id, { driver, config }, secrets);
  const labels = toLabels(draft.labels);
  return { _id: id, name, kind, ...sealed, labels, ...(policy && { policy }), createdAt: now, updatedAt: now };
}
