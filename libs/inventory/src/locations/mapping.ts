import type { inventoryV1 } from '@certferry/contracts';
import type { Location } from './location.ts';

export const toLocation = ({ verifiedAt, ...location }: Location): inventoryV1.Location => ({
  ...location,
  verifiedAt,
});
