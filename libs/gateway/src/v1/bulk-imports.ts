import type { inventoryV1 } from '@certferry/contracts';
import { archiveFormat, bulkImportStatus, type BulkImport, type bulkImportOperations } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import { iso, requesterToJson } from './json-values.ts';
import type { Routes } from './route.ts';

export const bulkImportToJson = ({ address: _, ...from }: inventoryV1.BulkImport): BulkImport => ({
  ...from,
  format: archiveFormat.parse(from.format),
  status: bulkImportStatus.parse(from.status),
  ...requesterToJson(from),
  createdAt: iso(from.createdAt),
  completedAt: from.completedAt && iso(from.completedAt),
});

/** What became of archives of certificates. */
export const bulkImportRoutes = ({ services }: GatewayContext): Routes<typeof bulkImportOperations> => ({
  listBulkImports: {
    scope: 'read',
    handler: async (request) => {
      const { items, total } = await services.bulkImports.listBulkImports(request.query);
      return { items: items.map(bulkImportToJson), total };
    },
  },
  getBulkImport: {
    scope: 'read',
    handler: async (request) =>
      bulkImportToJson((await services.bulkImports.getBulkImport(request.params)).bulkImport!),
  },
});
