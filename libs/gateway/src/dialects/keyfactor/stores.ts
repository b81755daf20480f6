import { invalid, MATCHES_ALL, MATCHES_NOTHING, parseQuery, rewriteQuery, writeQuery } from '@certferry/core';
import type { deploymentV1 } from '@certferry/contracts';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { GatewayContext } from '../../gateway-context.ts';
import { checkInput } from '../../problem.ts';
import { toInventoryCertificate } from './certificate.ts';
import { collect, readPaging, readQuery } from './conventions.ts';
import { AGENT_ID } from './server.ts';
import { LABEL, toKeyfactorStore } from './store.ts';
import { findType, STORE_TYPES } from './store-types.ts';

const secret = z
  .union([z.string(), z.object({ secretvalue: z.string().nullish() })])
  .nullish()
  .transform((value) => (typeof value === 'string' ? value : value?.secretvalue) ?? undefined);

const storeBody = z.object({
  clientmachine: z.string().min(1).max(500),
  storepath: z.string().min(1).max(1_000),
  certstoretype: z.coerce.number(),
  agentid: z.string().nullish(),
  containerid: z.coerce.number().nullish(),
  properties: z.union([z.string(), z.record(z.string(), z.unknown())]).nullish(),
  password: secret,
});

/** A constant that every store has, compared as text. */
function compareConstant(actual: string, operator: string, value: string | null): boolean {
  const [a, b] = [actual.toLowerCase(), (value ?? '').toLowerCase()];
  switch (operator) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'contains':
      return a.includes(b);
    case 'notcontains':
      return !a.includes(b);
    case 'startswith':
      return a.startsWith(b);
    case 'endswith':
      return a.endsWith(b);
    default:
      return false;
  }
}

/** Fields that have the same value for every store here. */
const CONSTANTS: Record<string, string> = {
  approved: 'true',
  agentavailable: 'true',
  agentid: AGENT_ID,
  addsupported: 'true',
  removesupported: 'true',
  hasinventoryscheduled: 'false',
  privatekeyallowed: '1',
};

/** Keyfactor's query over stores as one over ours; undefined when nothing can match. */
export function storeQuery(queryString: string): string | undefined {
  const query = rewriteQuery(parseQuery(queryString), (comparison) => {
    const { operator, value } = comparison;
    const name = comparison.field.toLowerCase();
    const constant = Object.hasOwn(CONSTANTS, name) ? CONSTANTS[name] : undefined;
    if (constant !== undefined) return compareConstant(constant, operator, value) ? MATCHES_ALL : MATCHES_NOTHING;
    switch (name) {
      case 'id':
        return comparison;
      case 'clientmachine':
        return { ...comparison, field: `label.${LABEL.clientMachine}` };
      case 'storepath':
        return { ...comparison, field: `label.${LABEL.storePath}` };
      case 'category':
      case 'certstoretype': {
        if (value === null) return operator === 'ne' ? MATCHES_ALL : MATCHES_NOTHING;
        const type = STORE_TYPES.find((one) => String(one.id) === value);
        if (!type) return operator === 'ne' ? MATCHES_ALL : MATCHES_NOTHING;
        return { ...comparison, field: 'kind', value: type.kind };
      }
      case 'container':
      case 'containerid':
        return (operator === 'eq') === (value === null) ? MATCHES_ALL : MATCHES_NOTHING;
      default:
        throw invalid('INVALID_FILTER', `Certificate stores cannot be searched by "${comparison.field}" (yet).`);
    }
  });
  return writeQuery(query);
}

/** Properties as written (a JSON text or an object; plain, {value}, {value: {SecretValue}}); secrets and blanks are left out. */
function readProperties(properties: string | Record<string, unknown> | null | undefined): [string, string][] {
  let parsed: unknown = properties ?? {};
  if (typeof properties === 'string') {
    try {
      parsed = properties.trim() === '' ? {} : JSON.parse(properties);
    } catch {
      throw invalid('INVALID_FIELD', 'properties: must be a JSON object as text.');
    }
  }
  const found = z.record(z.string(), z.unknown()).safeParse(parsed);
  if (!found.success) throw invalid('INVALID_FIELD', 'properties: must be a JSON object.');
  const plain = (value: unknown): string | undefined => {
    if (typeof value === 'string') return value || undefined;
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (value === null || typeof value !== 'object') return undefined;
    const inner = Object.entries(value).find(([key]) => key.toLowerCase() === 'value')?.[1] as unknown;
    return typeof inner === 'object' ? undefined : plain(inner);
  };
  return Object.entries(found.data).flatMap(([name, value]): [string, string][] => {
    const text = plain(value);
    return text === undefined || /password|secret/i.test(name) ? [] : [[name, text]];
  });
}

async function createStore({ services }: GatewayContext, body: z.infer<typeof storeBody>): Promise<deploymentV1.Store> {
  const type = findType(body.certstoretype);
  if (body.agentid && body.agentid.toLowerCase() !== AGENT_ID)
    throw invalid('INVALID_FIELD', `There is no agent ${body.agentid}; GET /Agents shows the one there is.`);
  if (body.containerid) throw invalid('INVALID_FIELD', `There is no certificate store container ${body.containerid}.`);
  const properties = readProperties(body.properties);
  if (type.password && !body.password)
    throw invalid('INVALID_FIELD', `password: a store of type ${type.shortName} needs one (Password.SecretValue).`);
  const config = type.toConfig({
    path: body.storepath,
    password: body.password,
    properties: new Map(properties.map(([name, value]) => [name.toLowerCase(), value])),
  });
  const labels = {
    [LABEL.type]: type.shortName,
    [LABEL.clientMachine]: body.clientmachine,
    [LABEL.storePath]: body.storepath,
    ...Object.fromEntries(properties.map(([name, value]) => [LABEL.property + name, value])),
  };
  const name = `${body.clientmachine} - ${body.storepath}`.slice(0, 200);
  return (await services.stores.createStore({ store: { name, kind: type.kind, config, labels } })).store!;
}

const STORE_ID = /^[0-9a-f-]{1,64}$/;
const IDS_A_QUERY = 100;

/** Stores by their ids, as callers write them: asked for in lower case, many at a time; what is not there is left out. */
export async function findStores(
  { services }: GatewayContext,
  ids: Iterable<string>,
): Promise<ReadonlyMap<string, deploymentV1.Store>> {
  const wanted = [...new Set([...ids].map((id) => id.toLowerCase()))].filter((id) => STORE_ID.test(id));
  const stores = new Map<string, deploymentV1.Store>();
  for (let at = 0; at < wanted.length; at += IDS_A_QUERY) {
    const some = wanted.slice(at, at + IDS_A_QUERY);
    const filter = some.map((id) => `Id -eq "${id}"`).join(' OR ');
    const { items } = await services.stores.listStores({ filter, limit: IDS_A_QUERY });
    for (const store of items) stores.set(store.id, store);
  }
  return stores;
}

export function addStoreRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { services } = context;
  app.get('/CertificateStores', { config: { scope: 'read' } }, async (request, reply) => {
    const paging = readPaging(readQuery(request));
    const filter = storeQuery(paging.queryString);
    const { items, total } =
      filter === undefined
        ? { items: [], total: 0 }
        : await collect(paging, (page) => services.stores.listStores({ ...page, filter }));
    reply.header('x-total-count', total);
    return items.map(toKeyfactorStore);
  });
  app.post('/CertificateStores', { config: { scope: 'write' } }, async (request) =>
    toKeyfactorStore(await createStore(context, checkInput(storeBody, request.body ?? {}))),
  );
  app.get('/CertificateStores/:id', { config: { scope: 'read' } }, async (request) => {
    const { id } = request.params as { id: string };
    return toKeyfactorStore((await services.stores.getStore({ id: id.toLowerCase() })).store!);
  });
  app.delete('/CertificateStores/:id', { config: { scope: 'write' } }, async (request, reply) => {
    const { id } = request.params as { id: string };
    await services.stores.deleteStore({ id: id.toLowerCase() });
    return await reply.code(204).send();
  });
  app.get('/CertificateStores/:id/Inventory', { config: { scope: 'read' } }, async (request, reply) => {
    const { id } = request.params as { id: string };
    const { offset, limit } = readPaging(readQuery(request));
    const { items } = await services.stores.listStoreEntries({ id: id.toLowerCase() });
    reply.header('x-total-count', items.length);
    const page = items.slice(offset, offset + limit);
    const numbers = await numbersOf(context, page);
    return page.map((entry, i) => ({
      Name: entry.alias || entry.thumbprint,
      Certificates: [entry.certificate!, ...entry.chain].map(({ facts }) =>
        toInventoryCertificate(facts!, numbers.get(facts!.fingerprintSha256) ?? 0),
      ),
      CertStoreInventoryItemId: offset + i + 1,
      Parameters: {},
    }));
  });
}

const FINGERPRINTS_A_QUERY = 150;

/** Our numbers of the certificates that a store holds, by fingerprint. */
async function numbersOf(
  { services }: GatewayContext,
  entries: deploymentV1.StoreEntry[],
): Promise<Map<string, number>> {
  const held = entries.flatMap(({ certificate, chain }) => [certificate!, ...chain]);
  const fingerprints = [...new Set(held.map(({ facts }) => facts!.fingerprintSha256))];
  const numbers = new Map<string, number>();
  for (let at = 0; at < fingerprints.length; at += FINGERPRINTS_A_QUERY) {
    const some = fingerprints.slice(at, at + FINGERPRINTS_A_QUERY);
    const filter = some.map((fingerprint) => `Fingerprint -eq "${fingerprint}"`).join(' OR ');
    const { items } = await services.certificates.listCertificates({ filter, limit: 500 });
    for (const { facts, number } of items) numbers.set(facts!.fingerprintSha256, number);
  }
  return numbers;
}
