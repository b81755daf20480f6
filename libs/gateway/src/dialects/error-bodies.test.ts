import { AppError } from '@certferry/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openTestGateway, type TestGateway } from '../testing/open-test-gateway.ts';

let gateway: TestGateway;
let failure: Error = new Error('unset');

beforeAll(async () => {
  const fail = () => Promise.reject(failure);
  gateway = await openTestGateway({
    services: {
      certificates: { listCertificates: fail },
      stores: { listStores: fail },
      bulkImports: { listBulkImports: fail },
    },
  });
});
afterAll(() => gateway.close());

const CAUSES: Record<string, Error> = {
  conflict: new AppError({ code: 'FAILED_PRECONDITION', reason: 'CONFLICT', message: 'Not now.' }),
  away: new AppError({ code: 'UNAVAILABLE', reason: 'AWAY', message: 'Away.' }),
  unforeseen: new Error('canary'),
};

const jim = (code: string, message: string, more: object = {}) => ({
  code,
  message,
  details: null,
  validationErrors: null,
  timestamp: expect.any(String),
  ...more,
});
const keyfactor = (ErrorCode: string, Message: string) => ({ ErrorCode, Message });
const digicert = (code: string, message: string) => ({ errors: [{ code, message }] });

test.each([
  ['/api/v1/certificates', 'conflict', 409, jim('INTERNAL_ERROR', 'Not now.')],
  ['/api/v1/certificates', 'away', 503, jim('SERVICE_UNAVAILABLE', 'Away.')],
  ['/api/v1/certificates', 'unforeseen', 500, jim('INTERNAL_ERROR', expect.any(String) as string)],
  ['/api/v1/nothing', 'none', 404, jim('NOT_FOUND', 'There is no GET /api/v1/nothing.')],
  ['/KeyfactorAPI/CertificateStores', 'conflict', 400, keyfactor('0xA011000F', 'Not now.')],
  ['/KeyfactorAPI/CertificateStores', 'away', 503, keyfactor('0xA0110001', 'Away.')],
  ['/KeyfactorAPI/CertificateStores', 'unforeseen', 500, keyfactor('0xA0110001', expect.any(String) as string)],
  ['/KeyfactorAPI/Nothing', 'none', 404, keyfactor('0xA0110008', 'There is no GET /KeyfactorAPI/Nothing.')],
  ['/iot/api/v1/certificate-import', 'conflict', 409, digicert('duplicate_error', 'Not now.')],
  ['/iot/api/v1/certificate-import', 'away', 503, digicert('service_unavailable', 'Away.')],
  ['/iot/api/v1/certificate-import', 'unforeseen', 500, digicert('internal_error', expect.any(String) as string)],
  ['/iot/api/v1/nothing', 'none', 404, digicert('resource_not_found', 'There is no GET /iot/api/v1/nothing.')],
])('%s: %s is %i in its own words', async (url, cause, status, body) => {
  failure = CAUSES[cause] ?? failure;
  const answer = await gateway.send({ method: 'GET', url });
  expect([answer.statusCode, answer.json()]).toEqual([status, body]);
  expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  expect(answer.headers['retry-after']).toBe(status === 503 ? '5' : undefined);
  expect(answer.body).not.toContain('canary');
});

test('nobody: each product’s own 401', async () => {
  const of = async (url: string) => {
    const answer = await gateway.send({ method: 'GET', url, headers: {} });
    return [answer.statusCode, answer.headers['www-authenticate'], answer.json()];
  };
  const message = expect.stringContaining('Send an API key') as string;
  expect(await of('/api/v1/certificates')).toEqual([
    401,
    undefined,
    jim('UNAUTHORISED', 'Authentication required', { error: 'Unauthorized' }),
  ]);
  expect(await of('/KeyfactorAPI/Agents')).toEqual([401, 'Basic realm="Certferry"', keyfactor('0xA0110004', message)]);
  expect(await of('/iot/api/v1/certificate-import')).toEqual([401, undefined, digicert('invalid_api_key', message)]);
  expect(await of('/v1/jobs')).toMatchObject([401, 'Bearer', { status: 401, reason: 'API_KEY_REQUIRED' }]);
});

test('what a product’s clients expect of every answer is in errors too', async () => {
  for (const headers of [{}, { 'x-api-key': gateway.adminKey }]) {
    for (const url of ['/KeyfactorAPI/Agents', '/KeyfactorAPI/Nothing'])
      expect((await gateway.send({ method: 'GET', url, headers })).headers).toHaveProperty(
        'x-keyfactor-product-version',
        '25.1.0.0',
      );
    for (const url of ['/api/v1/certificates', '/api/v1/nothing'])
      expect((await gateway.send({ method: 'GET', url, headers })).headers).toHaveProperty(
        'api-supported-versions',
        '1.0',
      );
  }
});

test('ArcGIS: HTTP 200 with both of its shapes; no route is 404', async () => {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const login = { username: 'a', password: gateway.adminKey, client: 'requestip', f: 'json' };
  const { token } = (
    await gateway.send({
      method: 'POST',
      url: '/arcgis/sharing/rest/generateToken',
      headers,
      payload: new URLSearchParams(login).toString(),
    })
  ).json();
  const of = async (url: string) => {
    const { statusCode, headers, body } = await gateway.send({ method: 'GET', url, headers: {} });
    return [statusCode, headers['content-type'], headers['retry-after'], body];
  };
  const JSON_TYPE = 'application/json;charset=utf-8';
  const body = (code: number, message: string) =>
    JSON.stringify({
      error: { code, message, details: [], messages: [message] },
      status: 'error',
      messages: [message],
      code,
    });
  const list = '/arcgis/portaladmin/machines?f=json';
  const failing = async (cause: string) => {
    failure = CAUSES[cause]!;
    return await of(`${list}&token=${token}`);
  };
  expect(await failing('conflict')).toEqual([200, JSON_TYPE, undefined, body(400, 'Not now.')]);
  expect(await failing('away')).toEqual([200, JSON_TYPE, undefined, body(503, 'Away.')]);
  const unforeseen = await failing('unforeseen');
  expect(unforeseen).toEqual([200, JSON_TYPE, undefined, expect.stringContaining('"status":"error"')]);
  expect(unforeseen[3]).toContain('"code":500');
  expect(unforeseen[3]).not.toContain('canary');
  expect(await of(list)).toEqual([200, JSON_TYPE, undefined, body(499, 'Token Required')]);
  expect(await of(`${list}&token=wrong`)).toEqual([200, JSON_TYPE, undefined, body(498, 'Invalid Token')]);
  expect(await of('/arcgis/nothing?f=html')).toEqual([
    404,
    JSON_TYPE,
    undefined,
    body(404, 'There is no GET /arcgis/nothing.'),
  ]);
});
