import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../../gateway-context.ts';
import type { Dialect } from '../dialect.ts';
import { addCertificateRoutes } from './certificates.ts';
import { addConventions } from './conventions.ts';
import { addDeploymentRoutes } from './deployments.ts';
import { addImportRoutes } from './import.ts';
import { addJobRoutes } from './jobs.ts';
import { addServerRoutes } from './server.ts';
import { addStoreRoutes } from './stores.ts';
import { addStoreTypeRoutes } from './store-types.ts';

/** Keyfactor Command's REST API, version 1; docs/dialects/keyfactor.md. */
export const keyfactor: Dialect = {
  name: 'keyfactor',
  prefix: '/KeyfactorAPI',
  addRoutes(app: FastifyInstance, context: GatewayContext) {
    addConventions(app, context);
    addServerRoutes(app, context);
    addImportRoutes(app, context);
    addCertificateRoutes(app, context);
    addStoreTypeRoutes(app);
    addStoreRoutes(app, context);
    addDeploymentRoutes(app, context);
    addJobRoutes(app, context);
  },
};
