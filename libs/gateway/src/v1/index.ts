import { OPERATIONS } from '@certferry/rest';
import type { FastifyPluginCallback } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { apiKeyRoutes } from './api-keys.ts';
import { auditRoutes } from './audit.ts';
import { bulkImportRoutes } from './bulk-imports.ts';
import { certificateRoutes } from './certificates.ts';
import { deploymentRoutes } from './deployments.ts';
import { enrollmentProfileRoutes } from './enrollment-profiles.ts';
import { eventRoutes } from './events.ts';
import { importRoutes } from './imports.ts';
import { jobRoutes } from './jobs.ts';
import { probeRoutes } from './probes.ts';
import { renewalRoutes } from './renewals.ts';
import { addRoutes } from './route.ts';
import { storeRoutes } from './stores.ts';
import { versionRoutes } from './versions.ts';

/** Our own API. */
export function v1Routes(context: GatewayContext): FastifyPluginCallback {
  return (app, _, done) => {
    addRoutes(app, OPERATIONS, {
      ...importRoutes(context),
      ...certificateRoutes(context),
      ...storeRoutes(context),
      ...versionRoutes(context),
      ...deploymentRoutes(context),
      ...renewalRoutes(context),
      ...jobRoutes(context),
      ...probeRoutes(context),
      ...enrollmentProfileRoutes(context),
      ...bulkImportRoutes(context),
      ...eventRoutes(context, app),
      ...apiKeyRoutes(context),
      ...auditRoutes(context),
    });
    done();
  };
}
