import type { Dialect } from '../dialect.ts';
import { addCertificateRoutes } from './certificates.ts';
import { addConventions } from './conventions.ts';
import { readCredentials } from './credentials.ts';
import { addDeploymentRoutes } from './deployments.ts';
import { toKeyfactorError } from './errors.ts';
import { addImportRoutes } from './import.ts';
import { addJobRoutes } from './jobs.ts';
import { addServerRoutes } from './server.ts';
import { addStoreRoutes } from './stores.ts';
import { addStoreTypeRoutes } from './store-types.ts';

/** Keyfactor Command's REST API, version 1; docs/dialects/keyfactor.md. */
export const keyfactor: Dialect = {
  name: 'keyfactor',
  prefix: '/KeyfactorAPI',
  create: (context) => ({
    credentials: readCredentials,
    errorAnswer: toKeyfactorError,
    routes(app) {
      addConventions(app);
      addServerRoutes(app, context);
      addImportRoutes(app, context);
      addCertificateRoutes(app, context);
      addStoreTypeRoutes(app);
      addStoreRoutes(app, context);
      addDeploymentRoutes(app, context);
      addJobRoutes(app, context);
    },
  }),
};
