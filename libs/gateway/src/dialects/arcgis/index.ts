import type { Dialect } from '../dialect.ts';
import { toArcgisError } from './answer.ts';
import { addConventions } from './conventions.ts';
import { readCredentials } from './credentials.ts';
import { Machines } from './machines.ts';
import { addPortalRoutes } from './portal.ts';
import { addSharingRoutes } from './sharing.ts';
import { addCertificateRoutes } from './ssl-certificates.ts';
import { Tokens } from './tokens.ts';

/** ArcGIS Portal Administrator's sslCertificates and what its clients log in through; docs/dialects/arcgis.md. */
export const arcgis: Dialect = {
  name: 'arcgis',
  prefix: '/arcgis',
  create(context) {
    const tokens = new Tokens(context);
    return {
      credentials: (request) => readCredentials(tokens, request),
      credentialsInBody: true,
      errorAnswer: toArcgisError,
      routes(app) {
        const machines = new Machines(context.services);
        addConventions(app);
        addSharingRoutes(app, context, tokens);
        addPortalRoutes(app, machines);
        addCertificateRoutes(app, context.services, machines);
      },
    };
  },
};
