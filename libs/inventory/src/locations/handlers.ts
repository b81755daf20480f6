import { notFound, raise } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import type { Certificates } from '../certificates/certificates.ts';
import { findLocations, type LocationContext } from './find-locations.ts';

export function createLocationHandlers(
  context: LocationContext & { certificates: Certificates },
): inventoryV1.LocationServiceImplementation {
  return {
    async listLocations({ certificateId }) {
      const certificate =
        (await context.certificates.find(certificateId)) ?? raise(notFound('certificate', certificateId));
      return { items: await findLocations(context, certificate) };
    },
  };
}
