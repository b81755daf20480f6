import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deploymentV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeChain } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startDeployment, type TestDeployment } from '../testing/start-deployment.ts';

const { ADD, REMOVE } = deploymentV1.DeploymentAction;

describe.each(WAYS)('places %s', (way) => {
  let service: TestDeployment;
  let certificateId: string;
  let fingerprint: string;
  let storeId: string;
  beforeEach(async () => {
    service = await startDeployment(way);
    const { leaf } = await makeChain('places.example.com');
    certificateId = service.inventory.add(leaf);
    fingerprint = readCertificate(leaf.der).fingerprintSha256;
    storeId = await service.addPem('web');
    await service.work();
  });
  afterEach(() => service.stop());

  const list = async (verify = false) =>
    (await service.places.listPlaces({ fingerprintsSha256: [fingerprint], verify })).items;
  const deploy = async (action: deploymentV1.DeploymentAction): Promise<deploymentV1.Job> => {
    const asked = { certificateId, action, targets: [{ storeId }] };
    const [job] = (await service.deployments.createDeployment(asked)).jobs;
    return await vi.waitFor(
      async () => {
        const now = (await service.jobs.getJob({ id: job!.id })).job!;
        expect(now.status).toBe(deploymentV1.JobStatus.SUCCEEDED);
        return now;
      },
      { timeout: 15_000 },
    );
  };

  test('are known from the job that put a certificate there until one takes it out', async () => {
    expect(await list()).toEqual([]);
    const job = await deploy(ADD);
    const place = {
      ...{ storeId, storeName: expect.stringContaining('web') as string, storeKind: 'pem', alias: '' },
      ...{ fingerprintSha256: fingerprint, hasPrivateKey: true, jobId: job.id, problem: '' },
      ...{ since: job.updatedAt, verifiedAt: job.updatedAt },
    };
    expect(await list()).toEqual([place]);
    await deploy(ADD);
    expect(await list()).toEqual([place]);
    await deploy(REMOVE);
    expect(await list()).toEqual([]);
  });

  test('are kept as they were until the store is read; one that cannot be read has a problem and stays', async () => {
    const job = await deploy(ADD);
    const path = join(service.folder, 'web.crt');
    writeFileSync(path, 'not a certificate');
    const [kept] = await list();
    expect(kept).toMatchObject({ jobId: job.id, problem: '' });
    const [unread] = await list(true);
    expect(unread).toMatchObject({
      jobId: job.id,
      verifiedAt: undefined,
      problem: expect.stringMatching(/./) as string,
    });
    expect(await list()).toEqual([kept]);
    rmSync(path);
    rmSync(join(service.folder, 'web.key'));
    expect(await list()).toEqual([kept]);
    expect(await list(true)).toEqual([]);
    expect(await list()).toEqual([]);
  });

  test('what a listing of a store finds is kept; a store that is forgotten has none', async () => {
    await deploy(ADD);
    rmSync(join(service.folder, 'web.crt'));
    rmSync(join(service.folder, 'web.key'));
    expect(await list()).toHaveLength(1);
    await service.stores.listStoreEntries({ id: storeId });
    expect(await list()).toEqual([]);
    await deploy(ADD);
    expect(await list()).toHaveLength(1);
    await service.stores.deleteStore({ id: storeId });
    expect(await list()).toEqual([]);
  });

  test('come from the jobs where nothing is kept', async () => {
    const job = await deploy(ADD);
    await service.database.connection.collection('store_contents').deleteMany({});
    expect(await list()).toEqual([]);
    await service.rest();
    await service.work();
    await vi.waitFor(async () =>
      expect(await list()).toMatchObject([{ storeId, jobId: job.id, hasPrivateKey: true, verifiedAt: undefined }]),
    );
    expect(await list(true)).toMatchObject([{ storeId, jobId: job.id, since: job.updatedAt }]);
  });

  test('are asked for of 1 to 500 certificates', async () => {
    for (const fingerprintsSha256 of [[], Array.from({ length: 501 }, String)])
      await expect(service.places.listPlaces({ fingerprintsSha256 })).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
      });
  });
});
