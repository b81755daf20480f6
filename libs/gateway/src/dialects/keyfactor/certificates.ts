import {
  invalid,
  MATCHES_ALL,
  MATCHES_NOTHING,
  parseQuery,
  rewriteQuery,
  writeQuery,
  type Query,
} from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../../gateway-context.ts';
import { HttpError } from '../../problem.ts';
import { toKeyfactorCertificate } from './certificate.ts';
import { collect, readFlag, readPaging, readQuery } from './conventions.ts';
import { locationsOf } from './locations.ts';

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

/** The certificate with this number, with its DER; what is not there is 404 in a path and 400 in a body. */
export async function findByNumber(
  { services }: GatewayContext,
  number: number,
): Promise<inventoryV1.Certificate | undefined> {
  if (!Number.isInteger(number) || number < 1) return undefined;
  const asked = { filter: `CertId -eq ${number}`, includeDer: true };
  return (await services.certificates.listCertificates(asked)).items[0];
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
            services.certificates.listCertificates({ ...page, filter, sort, includeDer: true }),
          );
    reply.header('x-total-count', total);
    return await toAnswers(context, query, items);
  });
  app.get('/Certificates/:id', { config: { scope: 'read' } }, async (request) => {
    const query = readQuery(request);
    refuseCollection(query['collectionid']);
    const { id } = request.params as { id: string };
    const certificate = await findByNumber(context, Number(id));
    if (!certificate) throw new HttpError(404, 'CERTIFICATE_NOT_FOUND', `There is no certificate ${id}.`);
    const [answer] = await toAnswers(context, { ...query, includehasprivatekey: 'true' }, [certificate]);
    return answer;
  });
}

async function toAnswers(
  context: GatewayContext,
  query: Record<string, string>,
  certificates: inventoryV1.Certificate[],
): Promise<object[]> {
  const locations = readFlag(query, 'includelocations') ? await locationsOf(context, certificates) : undefined;
  return certificates.map((certificate) =>
    toKeyfactorCertificate(certificate, {
      metadata: readFlag(query, 'includemetadata'),
      hasPrivateKey: readFlag(query, 'includehasprivatekey'),
      contentBytes: Buffer.from(certificate.der).toString('base64'),
      locations: locations?.get(certificate.id),
    }),
  );
}
