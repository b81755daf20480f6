import {
  AppError,
  invalid,
  MATCHES_ALL,
  MATCHES_NOTHING,
  parseQuery,
  rewriteQuery,
  writeQuery,
  type Query,
} from '@certferry/core';
import { deploymentV1, inventoryV1 } from '@certferry/contracts';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { GatewayContext } from '../../gateway-context.ts';
import { callOptions } from '../../guards.ts';
import { HttpError } from '../../problem.ts';
import { toKeyfactorCertificate, type Location } from './certificate.ts';
import { collect, readFlag, readPaging, readQuery } from './conventions.ts';
import { toKeyfactorStore } from './store.ts';
import { findStore } from './stores.ts';

/** Where Keyfactor's names of sort fields are in our lists; others do not sort. */
const SORTS: Record<string, string> = {
  id: 'number',
  certid: 'number',
  issuedcn: 'commonName',
  cn: 'commonName',
  notafter: 'notAfter',
  expirationdate: 'notAfter',
  importdate: 'createdAt',
};

/** The certificate with this number. NOT_FOUND is 404 in a path and 400 in a body. */
export async function findByNumber(
  { services }: GatewayContext,
  request: FastifyRequest,
  number: number,
): Promise<inventoryV1.Certificate | undefined> {
  if (!Number.isInteger(number) || number < 1) return undefined;
  const { items } = await services.certificates.listCertificates(
    { filter: `CertId -eq ${number}` },
    callOptions(request),
  );
  return items[0];
}

/** Fields whose answer is the same for every certificate here, as whether they match. */
function certificateQuery(queryString: string, more: Query[]): string | undefined {
  const query = rewriteQuery({ kind: 'and', parts: [parseQuery(queryString), ...more] }, (comparison) => {
    if (comparison.field.toLowerCase() !== 'certstate') return comparison;
    const matches =
      comparison.value === '1' || comparison.value === '6' || comparison.value?.toLowerCase() === 'active';
    return (comparison.operator === 'eq') === matches ? MATCHES_ALL : MATCHES_NOTHING;
  });
  return writeQuery(query);
}

/** Collections are not there yet; 0 means none. */
export function refuseCollection(collectionId: string | number | null | undefined): void {
  if (collectionId && Number(collectionId) !== 0)
    throw invalid('INVALID_FIELD', `There is no certificate collection ${collectionId}.`);
}

export function addCertificateRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { services, platform } = context;
  app.get('/Certificates', { config: { scope: 'read' } }, async (request, reply) => {
    const query = readQuery(request);
    refuseCollection(query['collectionid']);
    const paging = readPaging(query);
    const now = platform.clock.now().toISOString();
    const current: Query = { kind: 'comparison', field: 'NotAfter', operator: 'ge', value: now };
    const filter = certificateQuery(paging.queryString, readFlag(query, 'includeexpired') ? [] : [current]);
    const sort = `${paging.descending ? '-' : ''}${SORTS[paging.sortField] ?? 'number'}`;
    const { items, total } =
      filter === undefined
        ? { items: [], total: 0 }
        : await collect(paging, (page) =>
            services.certificates.listCertificates({ ...page, filter, sort }, callOptions(request)),
          );
    reply.header('x-total-count', total);
    return await Promise.all(items.map((one) => toAnswer(context, request, one)));
  });
  app.get('/Certificates/:id', { config: { scope: 'read' } }, async (request) => {
    refuseCollection(readQuery(request)['collectionid']);
    const { id } = request.params as { id: string };
    const certificate = await findByNumber(context, request, Number(id));
    if (!certificate) throw new HttpError(404, 'CERTIFICATE_NOT_FOUND', `There is no certificate ${id}.`);
    return await toAnswer(context, request, certificate, true);
  });
}

async function toAnswer(
  context: GatewayContext,
  request: FastifyRequest,
  ...[certificate, single = false]: [inventoryV1.Certificate, boolean?]
): Promise<object> {
  const query = readQuery(request);
  const { id } = certificate;
  const format = inventoryV1.ExportFormat.DER;
  const { content } = await context.services.exports.exportCertificate({ id, format }, callOptions(request));
  return toKeyfactorCertificate(certificate, {
    metadata: readFlag(query, 'includemetadata'),
    hasPrivateKey: single || readFlag(query, 'includehasprivatekey'),
    contentBytes: Buffer.from(content).toString('base64'),
    locations: readFlag(query, 'includelocations') ? await locationsOf(context, request, certificate) : undefined,
  });
}

/** Where a certificate is now: the stores that a deployment succeeded in, read again. */
async function locationsOf(
  context: GatewayContext,
  request: FastifyRequest,
  { id, facts }: inventoryV1.Certificate,
): Promise<Location[]> {
  const status = deploymentV1.JobStatus.SUCCEEDED;
  const found = await context.services.jobs.listJobs({ certificateId: id, status, limit: 500 }, callOptions(request));
  const locations: Location[] = [];
  for (const storeId of new Set(found.items.map((job) => job.storeId))) {
    const store = await findStore(context, request, storeId);
    if (!store) continue;
    const { ClientMachine, Storepath, CertStoreType } = toKeyfactorStore(store);
    for (const entry of await readableEntries(context, request, storeId)) {
      if (entry.fingerprintSha256 !== facts!.fingerprintSha256) continue;
      const Alias = entry.alias || entry.thumbprint;
      const place = { StoreMachine: ClientMachine, StorePath: Storepath, StoreType: CertStoreType };
      locations.push({ ...place, Alias, ChainLevel: 0, CertStoreId: storeId });
    }
  }
  return locations;
}

/** What a store holds; nothing of one whose files cannot be read as a store now. */
async function readableEntries(
  { services }: GatewayContext,
  request: FastifyRequest,
  id: string,
): Promise<deploymentV1.StoreEntry[]> {
  try {
    return (await services.stores.listStoreEntries({ id }, callOptions(request))).items;
  } catch (error) {
    if (error instanceof AppError && ['NOT_FOUND', 'INVALID_ARGUMENT', 'FAILED_PRECONDITION'].includes(error.code))
      return [];
    throw error;
  }
}
