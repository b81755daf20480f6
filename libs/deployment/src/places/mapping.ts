import type { deploymentV1 } from '@certferry/contracts';
import type { Place } from './list-places.ts';

export const toPlace = ({ store, jobId = '', since, verifiedAt, ...place }: Place): deploymentV1.Place => ({
  ...place,
  storeId: store._id,
  storeName: store.name,
  storeKind: store.kind,
  jobId,
  since,
  verifiedAt,
});
