import type { inventoryV1 } from '@certferry/contracts';
import type { MetadataFields } from './metadata-fields.ts';

export function createMetadataFieldHandlers(fields: MetadataFields): inventoryV1.MetadataFieldServiceImplementation {
  return {
    listMetadataFields: async () => ({ fields: await fields.list() }),
  };
}
