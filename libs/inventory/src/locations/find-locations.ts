import type { deploymentV1 } from '@certferry/contracts';
import type { Client } from '@certferry/rpc';
import type { Certificate } from '../certificates/certificate.ts';
import type { Location } from './location.ts';

export interface LocationContext {
  places: Client<typeof deploymentV1.PlaceServiceDefinition>;
}

/** Where a certificate is, as the deployment service keeps it, by store name and alias; `verify` reads the stores first. */
export async function findLocations(
  { places }: LocationContext,
  { _id: certificateId, fingerprintSha256 }: Pick<Certificate, '_id' | 'fingerprintSha256'>,
  { verify = false } = {},
): Promise<Location[]> {
  const { items } = await places.listPlaces({ fingerprintsSha256: [fingerprintSha256], verify });
  return items.map(({ fingerprintSha256: _, since: deployedAt, ...place }) => ({
    ...place,
    certificateId,
    deployedAt,
  }));
}
