import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../../gateway-context.ts';
import type { Dialect } from '../dialect.ts';
import { addConventions } from './conventions.ts';
import { Machines } from './machines.ts';
import { addPortalRoutes } from './portal.ts';
import { addSharingRoutes } from './sharing.ts';
import { addCertificateRoutes } from './ssl-certificates.ts';
import { Tokens } from './tokens.ts';

/** ArcGIS Portal Administrator's sslCertificates and what its clients log in through; docs/dialects/arcgis.md. */
export const arcgis: Dialect = {
  name: 'arcgis',
  prefix: '/arcgis',
  addRoutes(app: FastifyInstance, context: GatewayContext) {
    const tokens = new Tokens(context);
    const machines = new Machines(context);
    addConventions(app, context, tokens);
    addSharingRoutes(app, context, tokens);
    addPortalRoutes(app, machines);
    addCertificateRoutes(app, context, machines);
  },
};
