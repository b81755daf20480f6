import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deploymentV1 } from '@certferry/contracts';
import { createEvent } from '@certferry/events';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate, type TestCertificate } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startDeployment, type TestDeployment } from '../testing/start-deployment.ts';

const { ADD } = deploymentV1.DeploymentAction;
const { SUCCEEDED, FAILED, SCHEDULED } = deploymentV1.JobStatus;
const { AUTOMATIC, ASK, NEVER } = deploymentV1.RenewalMode;
const DAY_MS = 86_400_000;

describe.each(WAYS)('renewals %s', (way) => {
  let service: TestDeployment;
  let older: string;
  let olderDer: TestCertificate;
  beforeEach(async () => {
    service = await startDeployment(way);
    olderDer = await makeCertificate({ commonName: 'renewed.example.com' });
    older = service.inventory.add(olderDer);
    await service.work();
  });
  afterEach(() => service.stop());

  const addStore = async (name: string, renewal?: deploymentV1.RenewalChoice): Promise<string> => {
    const config = { certificatePath: `${name}.crt`, keyPath: `${name}.key` };
    return (await service.stores.createStore({ store: { name, kind: 'pem', config, renewal } })).store!.id;
  };
  const final = async (id: string): Promise<deploymentV1.Job> =>
    await vi.waitFor(
      async () => {
        const job = (await service.jobs.getJob({ id })).job!;
        expect([SUCCEEDED, FAILED]).toContain(job.status);
        return job;
      },
      { timeout: 10_000 },
    );
  const deploy = async (certificateId: string, storeId: string, target: { overwrite?: boolean } = {}) => {
    const asked = { certificateId, action: ADD, targets: [{ storeId, ...target }] };
    return await final((await service.deployments.createDeployment(asked)).jobs[0]!.id);
  };
  /** Takes in what replaces the older one. */
  const renewed = async (options: { notBefore?: Date; withKey?: boolean; createdAt?: Date } = {}): Promise<string> => {
    const { notBefore, ...rest } = options;
    const newer = await makeCertificate({ commonName: 'renewed.example.com', ...(notBefore && { notBefore }) });
    const id = service.inventory.add(newer, { createdAt: new Date(Date.now() + 1_000), ...rest });
    service.inventory.replace(older, id);
    return id;
  };
  const linked = async (subject: string): Promise<void> => {
    const data = { certificateId: subject, changes: ['replaces'] };
    const type = 'certferry.inventory.certificate.updated';
    await service.events.publish(createEvent({ type, subject, data, time: new Date() }));
  };
  const jobsOf = async (certificateId: string) => (await service.jobs.listJobs({ certificateId })).items;
  const waiting = async () =>
    (await service.renewals.listRenewals({})).items.map(({ storeName, certificateId }) => [storeName, certificateId]);
  const digest = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(service.folder, name)))
      .digest('hex');

  test('put a certificate, with its key, wherever one is that it replaces, as planned', async () => {
    const [mail, web, other] = [await addStore('mail'), await addStore('web'), await addStore('other')];
    for (const storeId of [web, mail]) await deploy(older, storeId);
    await deploy(service.inventory.add(await makeCertificate({ commonName: 'other.example.com' })), other);
    const newer = await renewed();
    expect(await waiting()).toEqual([
      ['mail', newer],
      ['web', newer],
    ]);
    const before = digest('web.key');
    const { plan, certificate } = await service.renewals.planRenewal({ certificateId: newer });
    expect(certificate).toMatchObject({ id: newer, name: 'renewed.example.com' });
    const of = { replacesCertificateId: older, certificateId: newer, mode: ASK };
    expect(plan).toMatchObject([
      {
        renewal: { ...of, storeId: mail },
        changes: [{ operation: 'replace' }, { operation: 'replace' }],
        problem: '',
        leftAlone: false,
      },
      {
        renewal: { ...of, storeId: web },
        changes: [{ operation: 'replace' }, { operation: 'replace' }],
        problem: '',
      },
    ]);
    expect(digest('web.key')).toBe(before);
    const { jobs } = await service.renewals.renew({ certificateId: newer });
    expect(jobs).toMatchObject([
      { storeId: mail, includePrivateKey: true, replacesCertificateId: older },
      { storeId: web, includePrivateKey: true, replacesCertificateId: older },
    ]);
    for (const { id } of jobs) expect(await final(id)).toMatchObject({ status: SUCCEEDED });
    expect(digest('web.key')).not.toBe(before);
    expect(await waiting()).toEqual([]);
    await expect(service.renewals.renew({ certificateId: newer })).rejects.toMatchObject({
      reason: 'NOTHING_TO_RENEW',
    });
  });

  test('make the same jobs of the same request, before and after they have ended', async () => {
    for (const name of ['one', 'two']) await deploy(older, await addStore(name));
    const asked = { certificateId: await renewed(), requestId: 'r-1' };
    const ids = async () => (await service.renewals.renew(asked)).jobs.map(({ id }) => id).sort();
    const made = await ids();
    expect(made).toHaveLength(2);
    expect(await ids()).toEqual(made);
    for (const id of made) await final(id);
    expect(await ids()).toEqual(made);
  });

  test('leave a place alone that holds something else by now, and say so', async () => {
    const web = await addStore('web');
    await deploy(older, web);
    const newer = await renewed();
    const other = await makeCertificate({ commonName: 'by-hand.example.com' });
    writeFileSync(join(service.folder, 'web.crt'), other.pem);
    writeFileSync(join(service.folder, 'web.key'), other.keyPem);
    const { plan } = await service.renewals.planRenewal({ certificateId: newer });
    expect(plan).toMatchObject([{ changes: [], problem: expect.stringContaining('another certificate') as string }]);
    const { jobs } = await service.renewals.renew({ certificateId: newer });
    expect(await final(jobs[0]!.id)).toMatchObject({
      status: FAILED,
      error: { reason: 'NOT_AS_REPLACED', retryable: false },
    });
    expect(readFileSync(join(service.folder, 'web.crt'), 'utf8')).toBe(other.pem);
  });

  test('ask for one without its key where the key is, and say what is missing', async () => {
    await deploy(older, await addStore('web'));
    const keyless = await renewed({ withKey: false });
    expect(await waiting()).toEqual([]);
    const { plan } = await service.renewals.planRenewal({ certificateId: keyless });
    expect(plan).toMatchObject([{ problem: expect.stringContaining('private key') as string }]);
    await expect(service.renewals.renew({ certificateId: keyless })).rejects.toMatchObject({
      reason: 'NO_PRIVATE_KEY',
    });
  });

  test('stores that say "never" are left alone, unless they are named', async () => {
    const never = await addStore('never', { mode: NEVER });
    await deploy(older, never);
    const certificateId = await renewed();
    expect(await waiting()).toEqual([]);
    const { plan } = await service.renewals.planRenewal({ certificateId });
    expect(plan).toMatchObject([{ renewal: { storeId: never }, leftAlone: true, changes: [] }]);
    await expect(service.renewals.renew({ certificateId })).rejects.toMatchObject({
      reason: 'NOTHING_TO_RENEW',
      message: expect.stringContaining('never') as string,
    });
    const { jobs } = await service.renewals.renew({ certificateId, storeIds: [never] });
    expect(await final(jobs[0]!.id)).toMatchObject({ status: SUCCEEDED });
  });

  test('stores that say "automatic" get the newer one when it comes, once, and those that say "ask" do not', async () => {
    const automatic = await addStore('automatic', { mode: AUTOMATIC });
    await deploy(older, automatic);
    await deploy(older, await addStore('ask'));
    const newer = await renewed();
    await linked(newer);
    const [job] = await vi.waitFor(async () => {
      const jobs = await jobsOf(newer);
      expect(jobs).toHaveLength(1);
      return jobs;
    });
    expect(await final(job!.id)).toMatchObject({
      storeId: automatic,
      status: SUCCEEDED,
      replacesCertificateId: older,
      requestedBy: '',
    });
    expect(await waiting()).toEqual([['ask', newer]]);
    // Somebody takes it back: that stays, however often the worker looks.
    expect(await deploy(older, automatic, { overwrite: true })).toMatchObject({ status: SUCCEEDED });
    for (let i = 0; i < 3; i++) {
      await service.rest();
      await service.work();
      await linked(newer);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await jobsOf(newer)).toHaveLength(1);
    expect(await waiting()).toEqual([
      ['ask', newer],
      ['automatic', newer],
    ]);
  });

  test('what came in while nobody listened is put where it belongs at the next start', async () => {
    await deploy(older, await addStore('automatic', { mode: AUTOMATIC }));
    await service.rest();
    const newer = await renewed();
    await service.work();
    await vi.waitFor(async () => expect(await jobsOf(newer)).toHaveLength(1));
  });

  test('an automatic store in which somebody has put the older one later than that is asked about', async () => {
    const newer = await renewed({ createdAt: new Date(Date.now() - DAY_MS) });
    await deploy(older, await addStore('automatic', { mode: AUTOMATIC }));
    await linked(newer);
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await jobsOf(newer)).toEqual([]);
    expect(await waiting()).toEqual([['automatic', newer]]);
  });

  test('wait until the newer one is valid, and for the lead time', async () => {
    await deploy(older, await addStore('soon', { mode: AUTOMATIC }));
    await deploy(older, await addStore('late', { mode: AUTOMATIC, leadTimeDays: 10 }));
    const notBefore = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 5 * DAY_MS);
    const newer = await renewed({ notBefore });
    await linked(newer);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await jobsOf(newer)).toEqual([]);
    const expiry = new Date('2036-01-01T00:00:00Z').getTime();
    expect((await service.renewals.listRenewals({ certificateId: newer })).items).toMatchObject([
      { storeName: 'late', dueAt: new Date(expiry - 10 * DAY_MS), jobId: '' },
      { storeName: 'soon', dueAt: notBefore, jobId: '' },
    ]);
    // By hand it is a job that waits.
    const { jobs } = await service.renewals.renew({ certificateId: newer });
    expect(jobs).toMatchObject([
      { status: SCHEDULED, nextRunAt: notBefore },
      { status: SCHEDULED, nextRunAt: notBefore },
    ]);
    for (const { id } of jobs) await service.jobs.cancelJob({ id });
    service.clock.advance(6 * DAY_MS);
    await linked(newer);
    await vi.waitFor(async () => expect(await jobsOf(newer)).toHaveLength(3));
    expect((await service.renewals.listRenewals({})).items.find(({ storeName }) => storeName === 'soon')).toMatchObject(
      {
        jobId: (await jobsOf(newer))[0]!.id,
      },
    );
    service.clock.advance(expiry - 9 * DAY_MS - service.clock.now().getTime());
    await linked(newer);
    await vi.waitFor(async () => expect(await jobsOf(newer)).toHaveLength(4));
  });

  test('are of a certificate by its id or name, in stores that are there', async () => {
    await deploy(older, await addStore('web'));
    const certificateId = await renewed();
    const refused: [string, Parameters<typeof service.renewals.renew>[0]][] = [
      ['INVALID_FIELD', {}],
      ['INVALID_FIELD', { certificateId, certificateName: 'renewed.example.com' }],
      ['INVALID_FIELD', { certificateId, storeIds: Array.from({ length: 1_001 }, String) }],
      ['STORE_NOT_FOUND', { certificateId, storeIds: ['nowhere'] }],
      ['CERTIFICATE_NOT_FOUND', { certificateName: 'nobody' }],
      ['NOTHING_TO_RENEW', { certificateId: older }],
    ];
    for (const [reason, asked] of refused)
      await expect(service.renewals.renew(asked)).rejects.toMatchObject({ reason });
    expect(await jobsOf(certificateId)).toEqual([]);
    const { certificate, jobs } = await service.renewals.renew({ certificateName: 'renewed.example.com' });
    expect([certificate!.id, jobs.length]).toEqual([certificateId, 1]);
  });

  test('what a store says of them is kept, changed and checked', async () => {
    const id = await addStore('web', { mode: AUTOMATIC, leadTimeDays: 30 });
    const get = async () => (await service.stores.getStore({ id })).store!.renewal;
    expect(await get()).toEqual({ mode: AUTOMATIC, leadTimeDays: 30 });
    await service.stores.updateStore({ id, name: 'web 2' });
    expect(await get()).toEqual({ mode: AUTOMATIC, leadTimeDays: 30 });
    await service.stores.updateStore({ id, renewal: { mode: NEVER } });
    expect(await get()).toEqual({ mode: NEVER, leadTimeDays: undefined });
    for (const renewal of [{ mode: ASK, leadTimeDays: 3 }, { mode: AUTOMATIC, leadTimeDays: 0 }, { leadTimeDays: 3 }])
      await expect(service.stores.updateStore({ id, renewal })).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
  });

  test('a deployment by name takes the newest certificate of it, and says which', async () => {
    const storeId = await addStore('web');
    const newer = await renewed();
    const asked = { certificateName: 'renewed.example.com', action: ADD, targets: [{ storeId }] };
    const planned = await service.deployments.planDeployment(asked);
    expect(planned.certificate).toMatchObject({ id: newer, name: 'renewed.example.com', hasPrivateKey: true });
    const made = await service.deployments.createDeployment({ ...asked, requestId: 'r-1' });
    expect(made).toMatchObject({ certificate: { id: newer }, jobs: [{ certificateId: newer }] });
    const keyless = await renewed({ withKey: false });
    const again = await service.deployments.createDeployment(asked);
    expect(again.certificate).toMatchObject({ id: newer });
    const withoutKey = { ...asked, targets: [{ storeId, includePrivateKey: false }] };
    expect((await service.deployments.planDeployment(withoutKey)).certificate).toMatchObject({ id: keyless });
    // The same request is answered as before, whatever has come in since.
    const newest = await renewed();
    expect((await service.deployments.planDeployment(asked)).certificate).toMatchObject({ id: newest });
    expect(await service.deployments.createDeployment({ ...asked, requestId: 'r-1' })).toMatchObject({
      certificate: { id: newer },
      jobs: [{ id: made.jobs[0]!.id }],
    });
    for (const wrong of [{ action: deploymentV1.DeploymentAction.REMOVE }, { certificateId: newer }])
      await expect(service.deployments.createDeployment({ ...asked, ...wrong })).rejects.toMatchObject({
        reason: 'INVALID_FIELD',
      });
  });
});
