import type { inventoryV1 } from '@certferry/contracts';
import type { Certificates } from '../certificates/certificates.ts';
import { findLocations, type LocationContext } from './find-locations.ts';

export function createLocationHandlers(
  context: LocationContext & { certificates: Certificates },
): inventoryV1.LocationServiceImplementation {
  return {
    async listLocations({ certificateId, verify }) {
      return { items: await findLocations(context, await context.certificates.get(certificateId), { verify }) };
    },
  };
}
