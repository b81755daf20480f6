import { apiKeyHeader } from '../../shell/http-api.ts';
import type { Dialect } from '../dialect.ts';
import { toDigicertError } from './errors.ts';
import { addDigicertRoutes } from './routes.ts';

/** DigiCert IoT Trust Manager's certificate import; docs/dialects/digicert.md. */
export const digicert: Dialect = {
  name: 'digicert',
  prefix: '/iot/api/v1',
  create: (context) => ({
    credentials: apiKeyHeader,
    errorAnswer: toDigicertError,
    routes: (app) => addDigicertRoutes(app, context),
  }),
};
