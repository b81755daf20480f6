import type { inventoryV1 } from '@certferry/contracts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openTestGateway, type TestGateway } from '../../testing/open-test-gateway.ts';

const ID = '5c0f7c1a-6e0b-4c86-9d0e-0c0ec7fe77a1';
const facts = { subject: 'CN=a', issuer: 'CN=a', notBefore: new Date(0), notAfter: new Date(0) };

let gateway: TestGateway;
let createdBy: string[] = [];
const deleted: string[] = [];

const certificate = (id: string, by: string) => ({ id, name: id, createdBy: by, createdAt: new Date(0), facts });

beforeAll(async () => {
  const certificates: Partial<inventoryV1.CertificateServiceImplementation> = {
    getCertificate: ({ id }) => Promise.resolve({ certificate: certificate(id, createdBy[0] ?? '') }),
    listCertificates: () =>
      Promise.resolve({ items: createdBy.map((by, i) => certificate(String(i), by)), total: createdBy.length }),
    deleteCertificate: ({ id, force }) => {
      // Not forced, it would be refused with what JIM never answers.
      if (force) deleted.push(id);
      return Promise.resolve({});
    },
    updateCertificate: () => Promise.resolve({}),
  };
  gateway = await openTestGateway({ services: { certificates } });
});
beforeEach(() => void deleted.splice(0));
afterAll(() => gateway.close());

test.each([
  ['too long', `changeReason=${'x'.repeat(1_001)}`],
  ['said twice', 'changeReason=one&changeReason=two'],
])('a changeReason that is %s is refused in JIM’s words, and nothing is deleted', async (_, query) => {
  const answer = await gateway.send({ method: 'DELETE', url: `/api/v1/certificates/${ID}?${query}` });
  expect([answer.statusCode, answer.json()]).toMatchObject([
    400,
    { code: 'VALIDATION_ERROR', validationErrors: { changeReason: [expect.any(String)] } },
  ]);
  expect(deleted).toEqual([]);
  const [record] = await gateway.context.audit.list(1, undefined);
  expect(record!.outcome).toEqual({ status: 400, reason: 'VALIDATION_ERROR' });
});

test('a changeReason at the limit is kept in the audit record, of a body and of a query', async () => {
  const why = 'y'.repeat(1_000);
  await gateway.send({ method: 'DELETE', url: `/api/v1/certificates/${ID}?changereason=${why}` });
  await gateway.send({ method: 'PATCH', url: `/api/v1/certificates/${ID}`, payload: { ChangeReason: 'because' } });
  expect(deleted).toEqual([ID]);
  const records = await gateway.context.audit.list(2, undefined);
  expect(records.map(({ reason, outcome }) => [reason, outcome!.status])).toEqual([
    ['because', 204],
    [why, 204],
  ]);
});

test('names of creators: only those of the page are loaded, at once', async () => {
  const { apiKeys } = gateway.context;
  const one = await apiKeys.create({ name: 'one', scopes: ['read'] });
  const asked: string[][] = [];
  const namesOf = apiKeys.namesOf.bind(apiKeys);
  Object.assign(apiKeys, {
    namesOf: (ids: string[]) => {
      asked.push(ids);
      return namesOf(ids);
    },
    list: () => Promise.reject(new Error('all keys were loaded')),
  });
  createdBy = [one.key._id, 'deleted-key', '', one.key._id];
  const answer = await gateway.send({ method: 'GET', url: '/api/v1/certificates' });
  expect(answer.json().items.map((item: { createdBy: string | null }) => item.createdBy)).toEqual([
    'one',
    'deleted-key',
    null,
    'one',
  ]);
  expect(asked).toEqual([createdBy]);
});
