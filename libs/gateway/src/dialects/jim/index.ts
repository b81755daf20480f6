import type { Dialect } from '../dialect.ts';
import { addJimRoutes } from './routes.ts';

/** JIM's certificates API (trust store of an identity manager); docs/dialects/jim.md. */
export const jim: Dialect = { name: 'jim', prefix: '/api/v1', addRoutes: addJimRoutes };
