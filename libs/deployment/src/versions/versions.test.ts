import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificate } from '@certferry/testing';
import { deploymentV1 } from '@certferry/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDeployment, type TestDeployment } from '../testing/start-deployment.ts';

const { DeploymentAction, JobStatus } = deploymentV1;

describe('what a store held before', () => {
  let system: TestDeployment;
  beforeAll(async () => {
    const parameters = { mode: { pattern: 'fast|slow', default: 'fast' } };
    const limits = { timeoutSeconds: 5, maxOutputBytes: 100, env: {} };
    system = await startDeployment('in process', {
      hooks: { site: { argv: ['/bin/echo', '{mode}'], parameters, ...limits } },
    });
    await system.work();
  });
  afterAll(() => system.stop());

  const file = (name: string) => readFileSync(join(system.folder, name), 'utf8');
  const ended = async (id: string) => (await system.jobs.waitForJob({ id, seconds: 20 })).job!;
  const deploy = async (storeId: string) => {
    const certificate = await makeCertificate({ commonName: 'versions.example.com' });
    const certificateId = system.inventory.add(certificate);
    const targets = [{ storeId, overwrite: true }];
    const { jobs } = await system.deployments.createDeployment({
      certificateId,
      action: DeploymentAction.ADD,
      targets,
    });
    expect(await ended(jobs[0]!.id)).toMatchObject({ status: JobStatus.SUCCEEDED });
    return certificate;
  };

  test('is kept, the last three contents of a place, and put back byte for byte, key included', async () => {
    const id = await system.addPem('kept');
    await deploy(id);
    const before = [file('kept.crt'), file('kept.key')];
    for (let i = 0; i < 3; i++) await deploy(id);
    const versions = async () =>
      (await system.versions.listStoreVersions({ storeId: id })).items.map((one) => [
        one.number,
        one.subject,
        one.hasPrivateKey,
      ]);
    // What is too many goes once the job has ended.
    await expect.poll(versions).toEqual([
      [4, 'CN=versions.example.com', true],
      [3, 'CN=versions.example.com', true],
      [2, 'CN=versions.example.com', true],
    ]);
    const { job } = await system.versions.rollBackStore({ storeId: id, version: 2, requestId: 'back' });
    const again = await system.versions.rollBackStore({ storeId: id, version: 2, requestId: 'back' });
    expect(again.job!.id).toBe(job!.id);
    const done = await ended(job!.id);
    expect(done).toMatchObject({ status: JobStatus.SUCCEEDED, action: DeploymentAction.ROLLBACK });
    expect(done.changes.map(({ operation }) => operation)).toEqual(['replace', 'replace']);
    expect([file('kept.crt'), file('kept.key')]).toEqual(before);
    // What the rollback wrote over is kept too: without a number it leads back.
    const back = await system.versions.rollBackStore({ storeId: id });
    expect(await ended(back.job!.id)).toMatchObject({ status: JobStatus.SUCCEEDED });
    expect(file('kept.crt')).not.toBe(before[0]);
  });

  test('is not kept where the store says so, and what is absent is said', async () => {
    const config = { certificatePath: 'none.crt', keyPath: 'none.key' };
    const { store } = await system.stores.createStore({
      store: { name: 'none', kind: 'pem', config, keepVersions: 0 },
    });
    expect(store!.keepVersions).toBe(0);
    await deploy(store!.id);
    await deploy(store!.id);
    await expect.poll(async () => (await system.versions.listStoreVersions({ storeId: store!.id })).items).toEqual([]);
    await expect(system.versions.rollBackStore({ storeId: store!.id })).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(system.versions.listStoreVersions({ storeId: 'x' })).rejects.toMatchObject({
      reason: 'STORE_NOT_FOUND',
    });
  });

  test('nothing is a content too: a rollback of the first deployment takes it away', async () => {
    const id = await system.addPem('first');
    await deploy(id);
    const { job } = await system.versions.rollBackStore({ storeId: id });
    expect(await ended(job!.id)).toMatchObject({ status: JobStatus.SUCCEEDED });
    expect(readdirSync(system.folder).filter((name) => name.startsWith('first'))).toEqual([]);
  });

  test('is sealed in the database', async () => {
    const id = await system.addPem('sealed');
    const { keyPem } = await deploy(id);
    await deploy(id);
    const line = keyPem.split('\n')[1]!;
    expect(file('sealed.key')).not.toContain(line);
    for (const name of readdirSync(system.databaseFolder)) {
      const content = readFileSync(join(system.databaseFolder, name));
      expect(content.includes(line)).toBe(false);
      expect(content.includes(Buffer.from(line).toString('base64').slice(4, 40))).toBe(false);
    }
  });

  test('hooks of a store are checked when it is saved, run by its jobs, and twenty requests at once make one change', async () => {
    const config = { certificatePath: 'hooked.crt', keyPath: 'hooked.key' };
    const hooks = (hook: string, parameters = {}) => ({ after: [{ hook, parameters }] });
    const create = (chosen: ReturnType<typeof hooks>) =>
      system.stores.createStore({ store: { name: 'hooked', kind: 'pem', config, hooks: chosen } });
    await expect(create(hooks('sites'))).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'UNKNOWN_HOOK',
      message: expect.stringContaining('there is "site"'),
    });
    await expect(create(hooks('site', { mode: 'x' }))).rejects.toMatchObject({ reason: 'INVALID_HOOK_PARAMETER' });
    const { store } = await create(hooks('site', { mode: 'slow' }));
    expect(store!.hooks).toMatchObject({ before: [], after: [{ hook: 'site', parameters: { mode: 'slow' } }] });
    await expect(
      system.stores.updateStore({ id: store!.id, hooks: hooks('site', { colour: 'red' }) }),
    ).rejects.toMatchObject({ reason: 'INVALID_HOOK_PARAMETER' });
    const certificateId = system.inventory.add(await makeCertificate({ commonName: 'twenty.example.com' }));
    const asked = { certificateId, action: DeploymentAction.ADD, targets: [{ storeId: store!.id, overwrite: true }] };
    const jobs = await Promise.all(Array.from({ length: 20 }, () => system.deployments.createDeployment(asked)));
    const done = await Promise.all(jobs.map((one) => ended(one.jobs[0]!.id)));
    expect(done.map(({ status }) => status)).toEqual(done.map(() => JobStatus.SUCCEEDED));
    expect(done.flatMap(({ changes }) => changes)).toHaveLength(2);
    expect(done.flatMap(({ hookRuns }) => hookRuns.map(({ hook, step, output }) => [hook, step, output]))).toEqual([
      ['site', 'reload', 'slow'],
    ]);
  });
});
