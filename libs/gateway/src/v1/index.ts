import type { FastifyPluginCallback } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { administrationRoutes } from './administration.ts';
import { certificateRoutes } from './certificates.ts';
import { deploymentRoutes } from './deployments.ts';
import { enrollmentProfileRoutes } from './enrollment-profiles.ts';
import { eventRoutes } from './events.ts';
import { importRoutes } from './imports.ts';
import { storeRoutes } from './stores.ts';

/** Our own API. */
export function v1Routes(context: GatewayContext): FastifyPluginCallback {
  return (app, _, done) => {
    for (const routes of [
      importRoutes,
      certificateRoutes,
      storeRoutes,
      deploymentRoutes,
      enrollmentProfileRoutes,
      eventRoutes,
      administrationRoutes,
    ])
      routes(app, context);
    done();
  };
}
