import { hostname } from 'node:os';
import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../../gateway-context.ts';
import { HttpError } from '../../problem.ts';
import { toDotNetTime } from '../display-name.ts';
import { PRODUCT_VERSION } from './conventions.ts';
import { STORE_TYPES } from './store-types.ts';

/** The one orchestrator: this server. The same id everywhere, so that scripts may keep it. */
export const AGENT_ID = '5c0f7c1a-6e0b-4c86-9d0e-0c0ec7fe77a1';
export const AGENT_MACHINE = hostname();

const ENDPOINTS = [
  'GET /Agents',
  'GET /Agents/{id}',
  'GET /Certificates',
  'GET /Certificates/{id}',
  'POST /Certificates/Analyze',
  'POST /Certificates/Import',
  'GET /CertificateStores',
  'POST /CertificateStores',
  'GET /CertificateStores/{id}',
  'DELETE /CertificateStores/{id}',
  'GET /CertificateStores/{id}/Inventory',
  'POST /CertificateStores/Certificates/Add',
  'POST /CertificateStores/Certificates/Remove',
  'GET /CertificateStoreTypes',
  'GET /CertificateStoreTypes/{id}',
  'GET /CertificateStoreTypes/Name/{name}',
  'GET /MetadataFields',
  'GET /OrchestratorJobs/JobHistory',
  'GET /OrchestratorJobs/ScheduledJobs',
  'GET /Status/Endpoints',
];

/** The server itself: what it can, its one agent, and the metadata fields. */
export function addServerRoutes(app: FastifyInstance, { platform, services }: GatewayContext): void {
  const config = { scope: 'read' } as const;
  const agent = () => ({
    AgentId: AGENT_ID,
    ClientMachine: AGENT_MACHINE,
    Username: '',
    AgentPlatform: 1,
    Version: PRODUCT_VERSION,
    Status: 2,
    LastSeen: toDotNetTime(platform.clock.now()),
    Capabilities: STORE_TYPES.map((type) => type.shortName),
    Blueprint: '',
    Thumbprint: '',
    LegacyThumbprint: '',
    AuthCertificateReenrollment: 0,
    LastThumbprintUsed: '',
    LastErrorCode: 0,
    LastErrorMessage: '',
  });
  app.get('/Status/Endpoints', { config }, () => Promise.resolve(ENDPOINTS));
  app.get('/Agents', { config }, async (_request, reply) => {
    reply.header('x-total-count', 1);
    return await Promise.resolve([agent()]);
  });
  app.get('/Agents/:id', { config }, async (request) => {
    const { id } = request.params as { id: string };
    if (id.toLowerCase() !== AGENT_ID) throw new HttpError(404, 'NO_SUCH_AGENT', `There is no agent ${id}.`);
    return await Promise.resolve(agent());
  });
  app.get('/MetadataFields', { config }, async (_request, reply) => {
    const { fields } = await services.metadataFields.listMetadataFields({});
    reply.header('x-total-count', fields.length);
    return fields.map(({ number, name }, i) => ({
      Id: number,
      Name: name,
      Description: name,
      DataType: 1,
      Hint: '',
      Validation: '',
      Enrollment: 0,
      Message: '',
      Options: '',
      DefaultValue: '',
      DisplayOrder: i,
    }));
  });
}
