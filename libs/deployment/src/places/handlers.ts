import type { deploymentV1 } from '@certferry/contracts';
import type { DeploymentContext } from '../deployment-context.ts';
import { listPlaces } from './list-places.ts';
import { toPlace } from './mapping.ts';

export function createPlaceHandlers(context: DeploymentContext): deploymentV1.PlaceServiceImplementation {
  return {
    async listPlaces({ fingerprintsSha256, verify }) {
      return { items: (await listPlaces(context, fingerprintsSha256, { verify })).map(toPlace) };
    },
  };
}
