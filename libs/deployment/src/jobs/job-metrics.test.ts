import { deploymentV1 } from '@certferry/contracts';
import { AppError } from '@certferry/core';
import { makeCertificate } from '@certferry/testing';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDeployment, type TestDeployment } from '../testing/start-deployment.ts';
import { JobMetrics, secondsOf } from './job-metrics.ts';
import type { TimelineEntry } from './job.ts';

const { ADD } = deploymentV1.DeploymentAction;

describe('metrics of jobs', () => {
  let service: TestDeployment;
  let certificateId: string;
  beforeAll(async () => {
    service = await startDeployment('in process');
    certificateId = service.inventory.add(await makeCertificate({ commonName: 'metrics.example.com' }));
  });
  afterAll(() => service.stop());

  const lines = async (name: string): Promise<string[]> =>
    (await service.metrics.metrics()).split('\n').filter((line) => line.startsWith(name));
  const queue = async (name: string, runAt?: Date): Promise<string> => {
    const targets = [{ storeId: await service.addPem(name) }];
    return (await service.deployments.createDeployment({ certificateId, action: ADD, targets, runAt })).jobs![0]!.id;
  };

  test('what waits, and for how long; then every end by kind, status and reason, with its seconds', async () => {
    const later = new Date(service.clock.now().getTime() + 3_600_000);
    const cancelled = await queue('later', later);
    const ids = [await queue('a'), await queue('b'), await queue('c')];
    expect(await lines('certferry_jobs_waiting')).toEqual(['certferry_jobs_waiting 3']);
    expect(await lines('certferry_jobs_planned')).toEqual(['certferry_jobs_planned 1']);
    const [oldest] = await lines('certferry_jobs_oldest_waiting_seconds');
    expect(Number(oldest!.split(' ')[1])).toBeGreaterThanOrEqual(0);
    await service.jobs.cancelJob({ id: cancelled });
    const no = new AppError({ code: 'FAILED_PRECONDITION', reason: 'NO', message: 'The test says no.' });
    service.inventory.faults.push(() => Promise.reject(no));
    await service.work();
    for (const id of ids) await service.jobs.waitForJob({ id, seconds: 20 });
    expect((await lines('certferry_jobs_ended_total')).sort()).toEqual([
      'certferry_jobs_ended_total{kind="pem",status="cancelled",reason=""} 1',
      'certferry_jobs_ended_total{kind="pem",status="failed",reason="NO"} 1',
      'certferry_jobs_ended_total{kind="pem",status="succeeded",reason=""} 2',
    ]);
    // What never began has not taken any time.
    expect((await lines('certferry_job_duration_seconds_count')).sort()).toEqual([
      'certferry_job_duration_seconds_count{kind="pem",status="failed"} 1',
      'certferry_job_duration_seconds_count{kind="pem",status="succeeded"} 2',
    ]);
  });

  test('scrapes that follow each other look at the jobs once', async () => {
    const registry = new Registry();
    let looks = 0;
    const waiting = () => Promise.resolve({ due: ++looks, planned: 0, oldestSeconds: 0 });
    new JobMetrics(registry, { waiting }, () => Promise.resolve(new Date()));
    await registry.metrics();
    expect(await registry.metrics()).toContain('certferry_jobs_waiting 1\n');
    expect(looks).toBe(1);
  });
});

test('a job takes from its first attempt to its end, and after a retry by hand anew', () => {
  const at = (seconds: number) => new Date(1_000_000 + seconds * 1000);
  const entry = (step: TimelineEntry['step'], seconds: number) => ({ step, at: at(seconds) }) as TimelineEntry;
  const first = [entry('queued', 0), entry('leased', 10), entry('retry', 11), entry('leased', 20), entry('dead', 21)];
  expect(secondsOf({ timeline: first, updatedAt: at(21) })).toBe(11);
  const again = [...first, entry('queued', 100), entry('leased', 101), entry('done', 102)];
  expect(secondsOf({ timeline: again, updatedAt: at(102) })).toBe(1);
  expect(secondsOf({ timeline: [entry('queued', 0), entry('cancelled', 5)], updatedAt: at(5) })).toBeUndefined();
});
