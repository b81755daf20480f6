import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import type { GatewayContext } from '../gateway-context.ts';
import { callOptions } from '../guards.ts';
import { entryToJson, pageToJson, storeToJson } from './json.ts';
import {
  idParams,
  listOf,
  store,
  storeDraft,
  storeEntry,
  storeKind,
  storePatch,
  storeQuery,
  storeTest,
} from './schemas.ts';

export function storeRoutes(base: FastifyInstance, { services }: GatewayContext): void {
  const app = base.withTypeProvider<ZodTypeProvider>();
  const tags = ['stores'];

  app.get(
    '/store-kinds',
    {
      config: { scope: 'read' },
      schema: {
        tags,
        summary: 'Kinds of stores, their operations and the JSON schema of their config',
        response: { 200: listOf(storeKind) },
      },
    },
    async (request) => {
      const { kinds } = await services.stores.listStoreKinds({}, callOptions(request));
      return { items: kinds.map((kind) => ({ ...kind, configSchema: kind.configSchema ?? {} })) };
    },
  );
  app.post(
    '/stores',
    {
      config: { scope: 'write', idempotent: true },
      schema: { tags, summary: 'Add a store', body: storeDraft, response: { 201: store } },
    },
    async (request, reply) => {
      const created = (await services.stores.createStore({ store: request.body }, callOptions(request))).store!;
      return await reply.code(201).header('location', `/v1/stores/${created.id}`).send(storeToJson(created));
    },
  );
  app.post(
    '/stores/test',
    {
      config: { scope: 'write', readOnly: true },
      schema: { tags, summary: 'Try a store before it is added', body: storeDraft, response: { 200: storeTest } },
    },
    async (request) =>
      await services.stores.testStore(
        { store: { $case: 'draft', value: { ...request.body, labels: request.body.labels ?? {} } } },
        callOptions(request),
      ),
  );
  app.get(
    '/stores',
    {
      config: { scope: 'read' },
      schema: { tags, summary: 'List stores by name', querystring: storeQuery, response: { 200: listOf(store) } },
    },
    async (request) => {
      return pageToJson(await services.stores.listStores(request.query, callOptions(request)), storeToJson);
    },
  );
  app.get(
    '/stores/:id',
    {
      config: { scope: 'read' },
      schema: { tags, summary: 'Get a store, without its secrets', params: idParams, response: { 200: store } },
    },
    async (request) => storeToJson((await services.stores.getStore(request.params, callOptions(request))).store!),
  );
  app.patch(
    '/stores/:id',
    {
      config: { scope: 'write' },
      schema: { tags, summary: 'Change a store', params: idParams, body: storePatch, response: { 200: store } },
    },
    async (request) => {
      const { labels, ...rest } = request.body;
      return storeToJson(
        (
          await services.stores.updateStore(
            { ...request.params, ...rest, labels: labels && { values: labels } },
            callOptions(request),
          )
        ).store!,
      );
    },
  );
  app.delete(
    '/stores/:id',
    {
      config: { scope: 'write' },
      schema: { tags, summary: 'Forget a store; what it holds stays', params: idParams, response: { 204: z.null() } },
    },
    async (request, reply) => {
      await services.stores.deleteStore(request.params, callOptions(request));
      return await reply.code(204).send(null);
    },
  );
  app.post(
    '/stores/:id/test',
    {
      config: { scope: 'write', readOnly: true },
      schema: {
        tags,
        summary: 'Try to read and to write a store without changing it',
        params: idParams,
        response: { 200: storeTest },
      },
    },
    async (request) =>
      await services.stores.testStore({ store: { $case: 'id', value: request.params.id } }, callOptions(request)),
  );
  app.get(
    '/stores/:id/entries',
    {
      config: { scope: 'read' },
      schema: { tags, summary: 'What a store holds now', params: idParams, response: { 200: listOf(storeEntry) } },
    },
    async (request) => ({
      items: (await services.stores.listStoreEntries(request.params, callOptions(request))).items.map(entryToJson),
    }),
  );
}
