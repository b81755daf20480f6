import type { inventoryV1 } from '@certferry/contracts';
import { callContext } from '@certferry/rpc';
import { toBulkImport, toListedBulkImport } from './mapping.ts';
import { startBulkImport, type StartContext } from './start-bulk-import.ts';

export function createBulkImportHandlers(context: StartContext): inventoryV1.BulkImportServiceImplementation {
  const { bulkImports } = context;
  return {
    async startBulkImport(requests) {
      const { principal, requestId } = callContext();
      const started = await startBulkImport(context, requests, { requestedBy: principal.id, requestId });
      return { bulkImport: toBulkImport(started) };
    },

    async getBulkImport({ id }) {
      return { bulkImport: toBulkImport(await bulkImports.get(id)) };
    },

    async listBulkImports({ profileId, status, ...page }) {
      const { items, total } = await bulkImports.list({ profileId, status }, { ...page, withTotal: true });
      return { items: items.map(toListedBulkImport), total };
    },
  };
}
