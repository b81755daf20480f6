import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from '@certferry/core';
import { deploymentV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeChain } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDeployment, type TestDeployment } from '../testing/start-deployment.ts';

const { ADD } = deploymentV1.DeploymentAction;
const { QUEUED, SUCCEEDED, FAILED, CANCELLED, SCHEDULED } = deploymentV1.JobStatus;

/** Milliseconds that something takes. */
const took = async (what: Promise<unknown>): Promise<number> => {
  const began = performance.now();
  await what;
  return performance.now() - began;
};

describe.each(WAYS)('jobs %s', (way) => {
  let service: TestDeployment;
  let certificateId: string;
  beforeAll(async () => {
    service = await startDeployment(way);
    certificateId = service.inventory.add((await makeChain('job.example.com')).leaf);
  });
  afterAll(() => service.stop());

  const queue = async (storeId: string, more: { runAt?: Date } = {}) =>
    (await service.deployments.createDeployment({ certificateId, action: ADD, targets: [{ storeId }], ...more }))
      .jobs![0]!;
  const ids = async (asked: Parameters<TestDeployment['jobs']['listJobs']>[0]) =>
    (await service.jobs.listJobs(asked)).items!.map(({ id }) => id);
  const wait = async (id: string, seconds = 5) => (await service.jobs.waitForJob({ id, seconds })).job!;

  test('are listed by status, store, certificate and filter, newest first or oldest', async () => {
    const storeId = await service.addPem('listed');
    const runAt = new Date(service.clock.now().getTime() + 3_600_000);
    const [a, b] = [await queue(storeId), await queue(storeId, { runAt })];
    expect(await ids({ storeId })).toEqual([b.id, a.id]);
    expect(await ids({ storeId, ascending: true })).toEqual([a.id, b.id]);
    expect(await ids({ storeId, status: SCHEDULED })).toEqual([b.id]);
    expect(await ids({ storeId, status: QUEUED, certificateId })).toEqual([a.id]);
    expect(await ids({ storeId, certificateId: 'another' })).toEqual([]);
    expect(await ids({ filter: `StoreId -eq "${storeId}" AND Number -eq ${b.number}` })).toEqual([b.id]);
    const page = await service.jobs.listJobs({ storeId, limit: 1, withTotal: true });
    expect(page).toMatchObject({ items: [{ id: b.id }], total: 2 });
    expect(await ids({ storeId, cursor: page.nextCursor })).toEqual([a.id]);
    await expect(ids({ filter: 'Colour -eq "red"' })).rejects.toMatchObject({ reason: 'INVALID_FILTER' });
    expect((await service.jobs.getJob({ id: a.id })).job).toEqual(a);
    await expect(service.jobs.getJob({ id: 'none' })).rejects.toMatchObject({ reason: 'JOB_NOT_FOUND' });
    for (const id of [a.id, b.id]) await service.jobs.cancelJob({ id });
  });

  test('are cancelled while they wait, once, and queued again by hand', async () => {
    const { id } = await queue(await service.addPem('cancelled'));
    const { job } = await service.jobs.cancelJob({ id });
    expect(job).toMatchObject({ status: CANCELLED, nextRunAt: undefined });
    expect(job!.timeline.at(-1)).toMatchObject({ step: 'cancelled', message: 'Cancelled by a caller.' });
    await expect(service.jobs.cancelJob({ id })).rejects.toMatchObject({ reason: 'JOB_NOT_CANCELLABLE' });
    const again = (await service.jobs.retryJob({ id })).job!;
    expect(again).toMatchObject({ status: QUEUED, attempts: 0, nextRunAt: service.clock.now() });
    await expect(service.jobs.retryJob({ id })).rejects.toMatchObject({ reason: 'JOB_NOT_RETRYABLE' });
    await expect(service.jobs.cancelJob({ id: 'none' })).rejects.toMatchObject({ reason: 'JOB_NOT_FOUND' });
    await service.jobs.cancelJob({ id });
  });

  test('are waited for as long as asked, and no longer than the caller stays', async () => {
    const { id } = await queue(await service.addPem('waited'));
    for (const seconds of [-1, 26]) await expect(wait(id, seconds)).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
    let job: deploymentV1.Job | undefined;
    const inTime = await took(wait(id, 1).then((found) => (job = found)));
    expect(job).toMatchObject({ id, status: QUEUED });
    expect(inTime).toBeGreaterThan(950);
    const leaving = AbortSignal.timeout(100);
    const left = service.jobs.waitForJob({ id, seconds: 20 }, { signal: leaving });
    expect(await took(left.catch(() => undefined))).toBeLessThan(5_000);
    await service.jobs.cancelJob({ id });
  });

  test('run, and whoever waits hears of the end at once; one that fails for good is tried again by hand', async () => {
    const denied = new AppError({ code: 'FAILED_PRECONDITION', reason: 'NO', message: 'The test says no.' });
    await service.work();
    const storeId = await service.addPem('runs');
    service.inventory.faults.push(() => Promise.reject(denied));
    const { id } = await queue(storeId);
    let failed: deploymentV1.Job | undefined;
    expect(await took(wait(id, 20).then((job) => (failed = job)))).toBeLessThan(10_000);
    expect(failed).toMatchObject({ status: FAILED, attempts: 1, error: { reason: 'NO', retryable: false } });
    await service.jobs.retryJob({ id });
    const done = await wait(id);
    expect(done).toMatchObject({ status: SUCCEEDED, attempts: 1, error: undefined });
    expect(done.changes.map(({ operation }) => operation)).toEqual(['create', 'create']);
    expect(done.timeline.map(({ step }) => step)).toEqual([
      'queued',
      'leased',
      'dead',
      'queued',
      'leased',
      'intent',
      'written',
      'verified',
      'done',
    ]);
    expect(existsSync(join(service.folder, 'runs.key'))).toBe(true);
    await expect(service.jobs.cancelJob({ id })).rejects.toMatchObject({ reason: 'JOB_NOT_CANCELLABLE' });
  });
});
