import type { FastifyInstance } from 'fastify';
import { answer } from './answer.ts';
import { MACHINE_LABEL, type Machines } from './machines.ts';

/** What clients choose their calls by: from 11.3 on they send importCertificateChain. */
export const PORTAL_VERSION = '11.3';

/** The probes that clients make around the certificates. */
export function addPortalRoutes(app: FastifyInstance, machines: Machines): void {
  const config = { scope: 'read' } as const;
  app.get('/portaladmin', { config }, async (request, reply) =>
    answer(request, reply, {
      version: PORTAL_VERSION,
      isUpgrade: false,
      isPostUpgrade: false,
      resources: ['machines', 'security'],
    }),
  );
  app.get('/portaladmin/healthCheck', { config: { anonymous: true } }, async (request, reply) =>
    answer(request, reply, { status: 'success' }),
  );
  app.get('/portaladmin/machines', { config }, async (request, reply) => {
    const stores = await machines.list();
    return await answer(request, reply, {
      machines: stores.map((store) => ({ machineName: store.labels[MACHINE_LABEL] })),
    });
  });
  app.get('/portaladmin/security', { config }, async (request, reply) =>
    answer(request, reply, { resources: ['sslCertificates'] }),
  );
}
