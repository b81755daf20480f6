import type { inventoryV1 } from '@certferry/contracts';
import type { Certificates } from '../certificates/certificates.ts';
import { findLocations, type LocationContext } from './find-locations.ts';
import { toLocation } from './mapping.ts';

export function createLocationHandlers(
  context: LocationContext & { certificates: Certificates },
): inventoryV1.LocationServiceImplementation {
  return {
    async listLocations({ certificateId }) {
      const found = await findLocations(context, await context.certificates.get(certificateId));
      return { items: found.map(toLocation) };
    },
  };
}
