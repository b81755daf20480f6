import { makeChain, useMongoDb, useNats } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, finalJob, startCertferry, type RunningSystem, type Shape } from '../running-system.ts';

const [mongodb, nats] = [await useMongoDb(), await useNats()];
const shapes: Shape[] = mongodb && nats ? ['standalone', 'four processes'] : ['standalone'];

interface LogLine {
  requestId?: string;
  caller?: string;
  method?: string;
  route?: string;
  code?: string;
}

describe.each(shapes)('a request id, %s', (shape) => {
  let system: RunningSystem;
  let certificateId: string;
  let storeId: string;
  let adminId: string;

  /** What the processes logged under a request id: routes and calls, each with its caller. */
  const logged = (requestId: string): LogLine[] =>
    system
      .output()
      .split('\n')
      .filter((line) => line.includes(requestId))
      .map((line) => JSON.parse(line) as LogLine)
      .filter((line) => line.requestId === requestId);
  /** Log lines come a little later than the answer that they tell of. */
  const expectCalls = async (requestId: string, calls: string[]): Promise<LogLine[]> => {
    const seen = () => [
      ...new Set(logged(requestId).flatMap(({ method = '' }) => (method.includes('/') ? [method] : []))),
    ];
    await expect.poll(() => seen().toSorted(), { timeout: 5_000 }).toEqual(calls.toSorted());
    await expect.poll(() => logged(requestId).some(({ route }) => route !== undefined), { timeout: 5_000 }).toBe(true);
    return logged(requestId);
  };
  const audited = async (requestId: string): Promise<Record<string, any>[]> =>
    (await call(system, 'GET', '/v1/audit')).body['items'].filter(
      (record: { requestId: string }) => record.requestId === requestId,
    );

  beforeAll(async () => {
    system = await startCertferry(shape, { mongodb, nats });
    adminId = (await call(system, 'GET', '/v1/api-keys')).body['items'][0].id;
    const store = { name: 'web', kind: 'pem', config: { fullChainPath: 'web.crt', keyPath: 'web.key' } };
    storeId = (await call(system, 'POST', '/v1/stores', store)).body['id'];
  });
  afterAll(() => system.stop());

  test('is kept with an import, which the parser reads under it', async () => {
    const { leaf, intermediate } = await makeChain('request-id.example.com');
    const contentBase64 = Buffer.from(leaf.pem + leaf.keyPem + intermediate.pem).toString('base64');
    const imported = await call(system, 'POST', '/v1/imports', { contentBase64 });
    certificateId = imported.body['items'].find((item: { issuer: boolean }) => !item.issuer).certificateId;
    const requestId = imported.headers.get('x-request-id')!;
    await expectCalls(requestId, [
      'certferry.inventory.v1.ImportService/ImportCertificates',
      'certferry.parser.v1.ParserService/Open',
    ]);
    const kept = await call(system, 'GET', `/v1/imports/${imported.body['id']}`);
    expect(kept.body).toMatchObject({ requestedBy: adminId, requestId });
  });

  const deployment = (more: object = {}) => ({ certificateId, action: 'add', targets: [{ storeId }], ...more });

  test('goes with a call through gateway, deployment, inventory and parser, with who asked', async () => {
    const answer = await call(system, 'POST', '/v1/deployments', deployment({ dryRun: true }));
    expect(answer.status).toBe(200);
    const lines = await expectCalls(answer.headers.get('x-request-id')!, [
      'certferry.deployment.v1.DeploymentService/PlanDeployment',
      'certferry.inventory.v1.CertificateService/GetCertificate',
      'certferry.inventory.v1.MaterialService/GetCertificateMaterial',
    ]);
    expect(new Set(lines.map(({ caller }) => caller))).toEqual(new Set([adminId]));
  });

  test('is kept with the job, and what the job does later is logged under it', async () => {
    const answer = await call(system, 'POST', '/v1/deployments', deployment());
    const requestId = answer.headers.get('x-request-id')!;
    const job = await finalJob(system, answer.body['jobs'][0].id as string);
    expect(job).toMatchObject({ status: 'succeeded', requestedBy: adminId, requestId });
    const lines = await expectCalls(requestId, [
      'certferry.deployment.v1.DeploymentService/CreateDeployment',
      'certferry.inventory.v1.CertificateService/GetCertificate',
      'certferry.inventory.v1.MaterialService/GetCertificateMaterial',
      'certferry.parser.v1.ParserService/Inspect',
    ]);
    expect(new Set(lines.flatMap(({ caller }) => caller ?? []))).toEqual(new Set([adminId]));
    const records = await audited(requestId);
    expect(records[0]).toMatchObject({ caller: adminId, action: 'POST /v1/deployments' });
  });

  test('reads a store by way of four services', async () => {
    const answer = await call(system, 'GET', `/v1/certificates/${certificateId}/locations?verify=true`);
    expect(answer.body['items']).toMatchObject([{ storeId, storeName: 'web', hasPrivateKey: true }]);
    await expectCalls(answer.headers.get('x-request-id')!, [
      'certferry.inventory.v1.LocationService/ListLocations',
      'certferry.deployment.v1.PlaceService/ListPlaces',
      'certferry.parser.v1.ParserService/Inspect',
    ]);
  });
});
