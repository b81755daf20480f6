import type { inventoryV1 } from '@certferry/contracts';
import type { GatewayContext } from '../../gateway-context.ts';
import type { Location } from './certificate.ts';
import { toKeyfactorStore } from './store.ts';
import { findStores } from './stores.ts';

/** Stores are read again for each: not those of a whole page at once. */
const AT_ONCE = 20;

/** Where certificates are now, by their ids. A store that cannot be read has no place in Keyfactor's form and is left out. */
export async function locationsOf(
  context: GatewayContext,
  certificates: inventoryV1.Certificate[],
): Promise<Map<string, Location[]>> {
  const found: { certificate: inventoryV1.Certificate; held: inventoryV1.Location[] }[] = [];
  for (let at = 0; at < certificates.length; at += AT_ONCE) {
    const some = certificates.slice(at, at + AT_ONCE).map(async (certificate) => {
      const { items } = await context.services.locations.listLocations({ certificateId: certificate.id });
      return { certificate, held: items.filter(({ problem }) => problem === '') };
    });
    found.push(...(await Promise.all(some)));
  }
  const ids = found.flatMap(({ held }) => held.map(({ storeId }) => storeId));
  const stores = await findStores(context, ids);
  return new Map(
    found.map(({ certificate: { id, facts }, held }) => [
      id,
      held.flatMap(({ storeId, alias }): Location[] => {
        const store = stores.get(storeId);
        if (!store) return [];
        const { ClientMachine, Storepath, CertStoreType } = toKeyfactorStore(store);
        const place = { StoreMachine: ClientMachine, StorePath: Storepath, StoreType: CertStoreType };
        return [{ ...place, Alias: alias || facts!.thumbprint, ChainLevel: 0, CertStoreId: storeId }];
      }),
    ]),
  );
}
