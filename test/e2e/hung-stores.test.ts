import { readdirSync, readFileSync } from 'node:fs';
import { makeCertificate } from '@certferry/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { call, finalJob, startCertferry, type RunningSystem } from '../running-system.ts';

// A store that hangs holds one of the product's processes, which a stopped process stands for, and nothing else.

let system: RunningSystem;
let certificateId: string;
/** The process that serves callers, who are not to meet one that was stopped. */
let forCallers: number[];
beforeAll(async () => {
  system = await startCertferry('standalone', { settings: { CERTFERRY_STORE_TIMEOUT: '5' } });
  const leaf = await makeCertificate({ commonName: 'hung.example.com' });
  const contentBase64 = Buffer.from(leaf.keyPem + leaf.pem).toString('base64');
  const { body } = await call(system, 'POST', '/v1/imports', { contentBase64 });
  certificateId = body['items'][0].certificateId as string;
  const forJobs = workers();
  await finalJob(system, await deploy(await addStore('first')));
  forCallers = workers()
    .filter((pid) => !forJobs.includes(pid))
    .slice(0, 1);
  expect([forJobs.length, forCallers.length]).toEqual([1, 1]);
});
const stopJobs = (): void => {
  for (const pid of workers()) if (!forCallers.includes(pid)) process.kill(pid, 'SIGSTOP');
};
afterAll(() => system.stop('SIGKILL'));

/** The processes that work with stores. */
const workers = (): number[] =>
  readdirSync('/proc').flatMap((entry) => {
    try {
      const [parent] = /(?<=^PPid:\s+)\d+/m.exec(readFileSync(`/proc/${entry}/status`, 'utf8')) ?? [];
      const works = readFileSync(`/proc/${entry}/cmdline`, 'utf8').includes('store-drivers/src/child/main.ts');
      return works && system.processes.some(({ child }) => child.pid === Number(parent)) ? [Number(entry)] : [];
    } catch {
      // No process, or gone.
      return [];
    }
  });
const addStore = async (name: string): Promise<string> => {
  const config = { fullChainPath: `${name}.pem`, keyPath: `${name}.key` };
  return (await call(system, 'POST', '/v1/stores', { name, kind: 'pem', config })).body['id'] as string;
};
const deploy = async (storeId: string): Promise<string> => {
  const { body } = await call(system, 'POST', '/v1/deployments', {
    certificateId,
    action: 'add',
    targets: [{ storeId }],
  });
  return body['jobs'][0].id as string;
};
const status = async (jobId: string) => (await call(system, 'GET', `/v1/jobs/${jobId}`)).body;

test('jobs and callers of other stores are served meanwhile, its own job is tried again, or cancelled', async () => {
  const [hung, other] = [await addStore('hung'), await addStore('other')];
  stopJobs();
  const job = await deploy(hung);
  await vi.waitFor(async () => expect(await status(job)).toMatchObject({ status: 'running' }));
  expect(await finalJob(system, await deploy(other))).toMatchObject({ status: 'succeeded', attempts: 1 });
  await vi.waitFor(
    async () => expect(await status(job)).toMatchObject({ status: 'retrying', error: { reason: 'TARGET_HANGS' } }),
    { timeout: 20_000, interval: 100 },
  );
  expect(system.output()).toContain('store parked: it does not answer');
  const metrics = await call(system, 'GET', '/metrics');
  expect(metrics.body).toMatch(/certferry_parked_stores 1/);
  const tested = await call(system, 'POST', `/v1/stores/${other}/test`);
  expect(tested).toMatchObject({ status: 200, body: { ok: true } });
  expect((await call(system, 'GET', `/v1/stores/${other}/entries`)).body['items']).toHaveLength(1);
  // A probe finds that it answers again.
  await vi.waitFor(async () => expect((await status(job))['status']).toBe('succeeded'), {
    timeout: 30_000,
    interval: 100,
  });
});

test('SIGTERM ends the process, and its children, in time', async () => {
  const hung = await addStore('stopping');
  stopJobs();
  // One of them hangs, too.
  for (const pid of forCallers) process.kill(pid, 'SIGSTOP');
  const job = await deploy(hung);
  await vi.waitFor(async () => expect(await status(job)).toMatchObject({ status: 'running' }));
  const tested = call(system, 'POST', `/v1/stores/${hung}/test`).catch(() => undefined);
  const children = workers();
  const began = performance.now();
  await system.stop('SIGTERM');
  expect(performance.now() - began).toBeLessThan(15_000);
  await tested;
  expect(children.filter((pid) => workers().includes(pid))).toEqual([]);
  await system.restart();
  expect(await finalJob(system, job)).toMatchObject({ status: 'succeeded', attempts: 2 });
});
