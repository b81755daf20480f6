import type { inventoryV1 } from '@certferry/contracts';
import type { BulkImport } from './bulk-import.ts';

export const toBulkImport = ({
  _id: id,
  caller,
  requestId = '',
  completedAt,
  ...rest
}: BulkImport): inventoryV1.BulkImport => ({
  ...rest,
  id,
  requestedBy: caller,
  requestId,
  completedAt,
});

/** As lists have it: without its failures. */
export const toListedBulkImport = (one: BulkImport): inventoryV1.BulkImport => ({ ...toBulkImport(one), failures: [] });
