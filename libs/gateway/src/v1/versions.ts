import type { deploymentV1 } from '@certferry/contracts';
import type { StoreVersion, versionOperations } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import { jobToJson } from './job-json.ts';
import { iso, present } from './json-values.ts';
import type { Routes } from './route.ts';

export const versionRoutes = ({ services }: GatewayContext): Routes<typeof versionOperations> => ({
  listStoreVersions: {
    scope: 'read',
    handler: async (request) => {
      const { items } = await services.versions.listStoreVersions({ storeId: request.params.id });
      return { items: items.map(versionToJson) };
    },
  },
  rollBackStore: {
    scope: 'write',
    handler: async (request) => {
      const asked = { storeId: request.params.id, ...request.body, requestId: request.idempotencyId ?? '' };
      return jobToJson((await services.versions.rollBackStore(asked)).job!);
    },
  },
});

const versionToJson = (from: deploymentV1.StoreVersion): StoreVersion => ({
  ...from,
  fingerprintSha256: present(from.fingerprintSha256),
  subject: present(from.subject),
  notAfter: from.notAfter && iso(from.notAfter),
  keptAt: iso(from.keptAt),
});
