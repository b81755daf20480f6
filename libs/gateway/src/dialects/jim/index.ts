import { apiKeyHeader } from '../../shell/http-api.ts';
import type { Dialect } from '../dialect.ts';
import { toJimError } from './errors.ts';
import { addHealthRoutes } from './health.ts';
import { addCertificateRoutes } from './certificates.ts';
import { addConventions } from './conventions.ts';

/** JIM's certificates API (trust store of an identity manager); docs/dialects/jim.md. */
export const jim: Dialect = {
  name: 'jim',
  prefix: '/api/v1',
  create: (context) => ({
    credentials: apiKeyHeader,
    errorAnswer: (error) => toJimError(error, context.platform.clock.now()),
    routes(app) {
      addConventions(app);
      addCertificateRoutes(app, context);
      addHealthRoutes(app, context);
    },
  }),
};
