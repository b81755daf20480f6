import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openTestGateway, type TestGateway } from '../../testing/open-test-gateway.ts';
import { LABEL } from './store.ts';

const day = new Date('2030-01-01T00:00:00Z');
const facts = { thumbprint: 'ab'.repeat(20), notBefore: day, notAfter: day };
const certificates = Array.from({ length: 300 }, (_, i) => ({
  id: `c${i}`,
  number: i + 1,
  createdAt: day,
  facts,
  der: Buffer.from(`der of ${i}`),
}));
const store = (id: string) => ({
  id,
  kind: 'pem',
  config: { combinedPath: '/stores/tls.pem' },
  labels: { [LABEL.clientMachine]: `host-${id}` },
});

let gateway: TestGateway;
let stores: string[] = [];

beforeAll(async () => {
  const place = (storeId: string, problem = '') => ({ storeId, alias: '', problem });
  gateway = await openTestGateway({
    services: {
      certificates: {
        listCertificates: ({ offset, limit, includeDer }) => {
          const items = certificates.slice(offset, offset + (limit || 50));
          const sent = includeDer ? items : items.map((item) => ({ ...item, der: undefined }));
          return Promise.resolve({ items: sent, total: certificates.length });
        },
      },
      locations: {
        listLocations: ({ certificateId }) =>
          Promise.resolve({
            items: certificateId === 'c0' ? [place('a'), place('b'), place('c', 'unreadable'), place('dead')] : [],
          }),
      },
      stores: {
        listStores: ({ filter }) => {
          stores = [...filter.matchAll(/Id -eq "([^"]*)"/g)].map(([, id]) => id!);
          return Promise.resolve({ items: stores.filter((id) => id !== 'dead').map(store) });
        },
      },
    },
  });
});
beforeEach(() => void gateway.calls.splice(0));
afterAll(() => gateway.close());

const get = async (path: string) => (await gateway.send({ method: 'GET', url: `/KeyfactorAPI${path}` })).json();

test('a list comes with its DER in one call', async () => {
  const answer = await get('/Certificates?returnLimit=300&includeExpired=true');
  expect(answer).toHaveLength(300);
  for (const i of [0, 299]) expect(answer[i].ContentBytes).toBe(certificates[i]!.der.toString('base64'));
  expect(gateway.calls.map(({ method }) => method)).toEqual(['CertificateService/ListCertificates']);
});

test('a single one too, and says whether it has its key', async () => {
  const answer = await get('/Certificates/1');
  expect(answer).toMatchObject({ Id: 1, HasPrivateKey: false, ContentBytes: certificates[0]!.der.toString('base64') });
  expect(gateway.calls.map(({ method }) => method)).toEqual(['CertificateService/ListCertificates']);
});

test('locations are the inventory’s; their stores are asked for at once, unreadable and forgotten ones left out', async () => {
  const answer = await get('/Certificates?returnLimit=2&includeLocations=true&includeExpired=true');
  const location = (id: string) => ({
    StoreMachine: `host-${id}`,
    StorePath: '/stores/tls.pem',
    StoreType: 102,
    Alias: facts.thumbprint,
    ChainLevel: 0,
    CertStoreId: id,
  });
  expect(answer[0].Locations).toEqual([location('a'), location('b')]);
  expect(answer[0].LocationsCount).toEqual([{ Type: '102', Count: 2 }]);
  expect(answer[1].Locations).toEqual([]);
  expect(stores).toEqual(['a', 'b', 'dead']);
  const made = gateway.calls.map(({ method }) => method);
  expect(made.filter((method) => method === 'LocationService/ListLocations')).toHaveLength(2);
  expect(made.filter((method) => method.startsWith('StoreService/'))).toEqual(['StoreService/ListStores']);
});
