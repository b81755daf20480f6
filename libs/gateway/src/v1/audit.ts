import type { auditOperations } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import type { Routes } from './route.ts';

export const auditRoutes = ({ audit }: GatewayContext): Routes<typeof auditOperations> => ({
  listAuditRecords: {
    scope: 'admin',
    handler: async (request) => {
      const { limit, before } = request.query;
      const records = await audit.list(limit, before);
      return { items: records.map(({ at, ...record }) => ({ ...record, at: at.toISOString() })) };
    },
  },
  verifyAuditLog: {
    scope: 'admin',
    readOnly: true,
    handler: async () => {
      const { records, broken } = await audit.verify();
      return { ok: broken === undefined, records, broken };
    },
  },
});
