import type { inventoryV1 } from '@certferry/contracts';
import { isAlias, type HeldEntry } from '../places/store-content.ts';
import type { Store } from '../stores/store.ts';
import { DEFAULT_MODE, type RenewalChoice } from './renewal-choice.ts';

/** A place that holds a certificate which a newer one replaces. */
export interface Renewal {
  store: Store;
  entry: HeldEntry;
  /** What is there, and what is to be. */
  held: inventoryV1.Certificate;
  successor: inventoryV1.Certificate;
}

const DAY_MS = 86_400_000;

export const choiceOf = ({ renewal }: Pick<Store, 'renewal'>): RenewalChoice => renewal ?? { mode: DEFAULT_MODE };

/** When it may be done: the newer one is valid, and what is there is about to expire where a lead time says so. */
export function dueAt({ store, held, successor }: Renewal): Date {
  const { leadTimeDays } = choiceOf(store);
  const valid = successor.facts!.notBefore!.getTime();
  const lead = leadTimeDays === undefined ? 0 : held.facts!.notAfter!.getTime() - leadTimeDays * DAY_MS;
  return new Date(Math.max(valid, lead));
}

/** Whether it is done without anybody: not where somebody has put the older one after the newer was there to be taken. */
export function isAutomatic(renewal: Renewal): boolean {
  const { since } = renewal.entry;
  const thereAt = Math.max(renewal.successor.createdAt!.getTime(), dueAt(renewal).getTime());
  return choiceOf(renewal.store).mode === 'automatic' && (since === undefined || since.getTime() < thereAt);
}

/** The same for each try to put this certificate into this place. */
export const placeKey = ({ store, entry, successor }: Renewal): string =>
  `${successor.id}:${store._id}:${entry.alias.toLowerCase()}`;

export const isSamePlace = ({ store, entry }: Renewal, other: { storeId: string; alias: string }): boolean =>
  store._id === other.storeId && isAlias(entry.alias, other.alias);

/** By store name, then alias. */
export const byPlace = (a: Renewal, b: Renewal): number =>
  compare(a.store.name, b.store.name) || compare(a.entry.alias, b.entry.alias);

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
