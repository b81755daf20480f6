import type { Dialect } from '../dialect.ts';
import { addDigicertRoutes } from './routes.ts';

/** DigiCert IoT Trust Manager's certificate import; docs/dialects/digicert.md. */
export const digicert: Dialect = { name: 'digicert', prefix: '/iot/api/v1', addRoutes: addDigicertRoutes };
