import { precondition } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import type { DeploymentContext } from '../deployment-context.ts';
import type { StoreContent } from '../places/store-content.ts';
import { findStore } from '../stores/open-store.ts';
import type { Store } from '../stores/store.ts';
import { byPlace, choiceOf, type Renewal } from './renewal.ts';

/** Stores that are looked at together. */
const PAGE = 100;
const MOST_HELD = 500;

/** Every place whose certificate has a successor, of stores that do not say "never", page by page. */
export async function* findAllRenewals(context: DeploymentContext): AsyncGenerator<Renewal[]> {
  const { contents, stores } = context;
  for (let after = ''; ;) {
    const page = await contents.listAfter(after, PAGE);
    const found = await stores.findAll(page.map(({ _id }) => _id));
    const asked = [...found.values()].filter((store) => choiceOf(store).mode !== 'never');
    yield await renewalsOf(context, page, asked);
    if (page.length < PAGE) return;
    after = page.at(-1)!._id;
  }
}

async function renewalsOf(
  { replacements }: DeploymentContext,
  contents: StoreContent[],
  stores: Store[],
): Promise<Renewal[]> {
  const places = stores.flatMap((store) =>
    contents
      .filter(({ _id }) => _id === store._id)
      .flatMap(({ entries }) => entries.map((entry) => ({ store, entry }))),
  );
  const keyOf = (one: { fingerprintSha256: string; hasPrivateKey: boolean }) =>
    `${one.fingerprintSha256}:${one.hasPrivateKey}`;
  const held = [...new Map(places.map(({ entry }) => [keyOf(entry), entry])).values()];
  const successions = new Map<string, inventoryV1.Succession>();
  for (let at = 0; at < held.length; at += MOST_HELD) {
    const { items } = await replacements.findSuccessors({ held: held.slice(at, at + MOST_HELD) });
    for (const one of items) successions.set(keyOf(one.held!), one);
  }
  return places.flatMap(({ store, entry }) => {
    const { certificate, successor } = successions.get(keyOf(entry)) ?? {};
    return certificate && successor ? [{ store, entry, held: certificate, successor }] : [];
  });
}

export interface RenewalRequest {
  /** The newer certificate, by its id or, where that is empty, its name. */
  certificateId: string;
  certificateName: string;
  /** Only these stores, whatever they say; none: all. */
  storeIds: string[];
}

/**
 * Where one certificate is to be put: wherever one is that it replaces, by store name and alias; `leftAlone` in stores
 * that say "never". FAILED_PRECONDITION NOTHING_TO_RENEW when it replaces none.
 */
export async function findRenewalsBy(
  context: DeploymentContext,
  request: RenewalRequest,
): Promise<{ certificate: inventoryV1.Certificate; renewals: Renewal[]; leftAlone: Renewal[] }> {
  const { replacements, contents, stores } = context;
  const certificate = await findNewer(context, request);
  for (const id of request.storeIds) await findStore(context, id);
  const { items: replaced } = await replacements.listReplaced({ certificateId: certificate.id });
  if (replaced.length === 0) {
    const message = `The certificate ${certificate.name} replaces none that the inventory knows: say which, or deploy it.`;
    throw precondition('NOTHING_TO_RENEW', message, { id: certificate.id });
  }
  const byFingerprint = new Map(replaced.map((one) => [one.facts!.fingerprintSha256, one]));
  const holding = await contents.holding([...byFingerprint.keys()]);
  const found = await stores.findAll(holding.map(({ _id }) => _id));
  const all = holding.flatMap(({ _id, entries }) => {
    const store = found.get(_id);
    if (!store || (request.storeIds.length > 0 && !request.storeIds.includes(_id))) return [];
    return entries.flatMap((entry): Renewal[] => {
      const held = byFingerprint.get(entry.fingerprintSha256);
      return held ? [{ store, entry, held, successor: certificate }] : [];
    });
  });
  const isLeftAlone = ({ store }: Renewal) => request.storeIds.length === 0 && choiceOf(store).mode === 'never';
  const sorted = all.sort(byPlace);
  return {
    certificate,
    renewals: sorted.filter((one) => !isLeftAlone(one)),
    leftAlone: sorted.filter(isLeftAlone),
  };
}

async function findNewer(
  { certificates, replacements }: DeploymentContext,
  { certificateId: id, certificateName: name }: RenewalRequest,
): Promise<inventoryV1.Certificate> {
  if (id !== '') return (await certificates.getCertificate({ id })).certificate!;
  return (await replacements.resolveName({ name, privateKey: inventoryV1.PrivateKeyWish.PREFERRED })).certificate!;
}
