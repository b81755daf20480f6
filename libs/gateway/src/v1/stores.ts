import { deploymentV1 } from '@certferry/contracts';
import type { storeOperations } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import { pageToJson } from './json-values.ts';
import type { Routes } from './route.ts';
import { draftFromJson, entryToJson, renewalFromJson, storeKindToJson, storeToJson } from './store-json.ts';

export const storeRoutes = ({ services }: GatewayContext): Routes<typeof storeOperations> => ({
  listStoreKinds: {
    scope: 'read',
    handler: async () => ({
      items: (await services.stores.listStoreKinds({})).kinds.map(storeKindToJson),
    }),
  },
  createStore: {
    scope: 'write',
    handler: async (request, reply) => {
      const created = (await services.stores.createStore({ store: draftFromJson(request.body) })).store!;
      reply.header('location', `/v1/stores/${created.id}`);
      return storeToJson(created);
    },
  },
  testStoreDraft: {
    scope: 'write',
    readOnly: true,
    handler: async (request) => {
      const value = deploymentV1.StoreDraft.fromPartial(draftFromJson(request.body));
      return await services.stores.testStore({ store: { $case: 'draft', value } });
    },
  },
  listStores: {
    scope: 'read',
    handler: async (request) => pageToJson(await services.stores.listStores(request.query), storeToJson),
  },
  getStore: {
    scope: 'read',
    handler: async (request) => storeToJson((await services.stores.getStore(request.params)).store!),
  },
  updateStore: {
    scope: 'write',
    handler: async (request) => {
      const { labels, renewal, ...rest } = request.body;
      const said = { labels: labels && { values: labels }, renewal: renewal && renewalFromJson(renewal) };
      const change = { ...request.params, ...rest, ...said };
      return storeToJson((await services.stores.updateStore(change)).store!);
    },
  },
  deleteStore: {
    scope: 'write',
    handler: async (request) => void (await services.stores.deleteStore(request.params)),
  },
  testStore: {
    scope: 'write',
    readOnly: true,
    handler: async (request) => await services.stores.testStore({ store: { $case: 'id', value: request.params.id } }),
  },
  listStoreEntries: {
    scope: 'read',
    handler: async (request) => ({
      items: (await services.stores.listStoreEntries(request.params)).items.map(entryToJson),
    }),
  },
});
