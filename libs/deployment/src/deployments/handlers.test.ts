import { readdirSync } from 'node:fs';
import { deploymentV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeChain } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDeployment, type TestDeployment } from '../testing/start-deployment.ts';

const { ADD, REMOVE } = deploymentV1.DeploymentAction;

describe.each(WAYS)('deployments %s', (way) => {
  let service: TestDeployment;
  let certificateId: string;
  let fingerprintSha256: string;
  let keyless: string;
  let storeId: string;
  beforeAll(async () => {
    service = await startDeployment(way);
    const { leaf } = await makeChain('deployed.example.com');
    certificateId = service.inventory.add(leaf);
    ({ fingerprintSha256 } = readCertificate(leaf.der));
    keyless = service.inventory.add((await makeChain('keyless.example.com')).leaf, { withKey: false });
    storeId = await service.addPem('web');
  });
  afterAll(() => service.stop());

  type Asked = Parameters<TestDeployment['deployments']['createDeployment']>[0];
  const create = async (asked: Asked) =>
    (await service.deployments.createDeployment({ certificateId, action: ADD, targets: [{ storeId }], ...asked }))
      .jobs!;
  const count = async () => (await service.jobs.listJobs({ withTotal: true })).total;

  test('make a job for each target, in their order', async () => {
    const keystore = { name: 'p12', kind: 'pkcs12', config: { path: 'x.p12', password: 'p' } };
    const other = (await service.stores.createStore({ store: keystore })).store!.id;
    const targets = [{ storeId: other }, { storeId, overwrite: true }, { storeId: other, alias: ' named ' }];
    const jobs = await create({ targets });
    expect(jobs).toMatchObject([
      { storeId: other, alias: 'deployed.example.com', includePrivateKey: true, overwrite: false },
      { storeId, alias: '', includePrivateKey: true, overwrite: true },
      { storeId: other, alias: 'named', certificateId, fingerprintSha256, status: deploymentV1.JobStatus.QUEUED },
    ]);
    expect(new Set(jobs.map(({ number }) => number)).size).toBe(3);
    expect(jobs[0]!.timeline.map(({ step }) => step)).toEqual(['queued']);
  });

  test('make the same jobs once by request id, and new ones without', async () => {
    const targets = [{ storeId }, { storeId }];
    const [first, again] = [await create({ targets, requestId: 'r-1' }), await create({ targets, requestId: 'r-1' })];
    expect(again.map(({ id }) => id)).toEqual(first.map(({ id }) => id));
    const before = (await count())!;
    const atOnce = await Promise.all(Array.from({ length: 5 }, () => create({ requestId: 'r-2' })));
    expect(new Set(atOnce.map(([job]) => job!.id)).size).toBe(1);
    await create({});
    expect(await count()).toBe(before + 2);
  });

  test('wait for their time, and recur', async () => {
    const runAt = new Date(service.clock.now().getTime() + 3_600_000);
    const [later] = await create({ runAt });
    expect(later).toMatchObject({ status: deploymentV1.JobStatus.SCHEDULED, nextRunAt: runAt });
    const [daily] = await create({ runAt, recurrence: { daily: true } });
    expect(daily).toMatchObject({ recurrence: { daily: true, everyMinutes: 0 }, nextRunAt: runAt });
    await expect(create({ recurrence: { daily: true, dayOfMonth: 1 } })).rejects.toMatchObject({
      reason: 'INVALID_SCHEDULE',
    });
  });

  test('are refused whole, with a reason', async () => {
    const before = await count();
    const disabled = service.inventory.add((await makeChain('disabled.example.com')).leaf);
    service.inventory.disable(disabled);
    const refused: [string, Asked][] = [
      ['INVALID_FIELD', { targets: [] }],
      ['INVALID_FIELD', { targets: Array.from({ length: 1_001 }, () => ({ storeId })) }],
      ['INVALID_FIELD', { action: deploymentV1.DeploymentAction.UNSPECIFIED }],
      ['STORE_NOT_FOUND', { targets: [{ storeId }, { storeId: 'nowhere' }] }],
      ['CERTIFICATE_NOT_FOUND', { certificateId: 'nothing' }],
      ['CERTIFICATE_DISABLED', { certificateId: disabled }],
      ['NO_PRIVATE_KEY', { certificateId: keyless, targets: [{ storeId, includePrivateKey: true }] }],
    ];
    for (const [reason, asked] of refused) await expect(create(asked)).rejects.toMatchObject({ reason });
    expect(await count()).toBe(before);
    expect(await create({ targets: Array.from({ length: 1_000 }, () => ({ storeId })) })).toHaveLength(1_000);
  });

  test('are planned: what would change, or why not, and nothing is written', async () => {
    const targets = [{ storeId }];
    const plan = async (asked: Asked) =>
      (await service.deployments.planDeployment({ certificateId, action: ADD, targets, ...asked })).plan!;
    const [place] = await plan({});
    expect(place).toMatchObject({ storeId, problem: '' });
    expect(place!.changes.map(({ operation, newFingerprintSha256 }) => [operation, newFingerprintSha256])).toEqual([
      ['create', fingerprintSha256],
      ['create', fingerprintSha256],
    ]);
    expect(await plan({ action: REMOVE })).toEqual([{ storeId, changes: [], problem: '', findings: [], hooks: [] }]);
    const [impossible] = await plan({ certificateId: keyless });
    expect(impossible).toMatchObject({ changes: [] });
    expect(impossible!.problem).toContain('private key');
    expect(readdirSync(service.folder)).toEqual([]);
  });
});
