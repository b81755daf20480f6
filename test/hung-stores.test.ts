import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { newId } from '@certferry/core';
import { inventoryV1, parserV1 } from '@certferry/contracts';
import { Numbers, openDatabase, type Database } from '@certferry/database';
import { Outbound } from '@certferry/outbound';
import { createSecretKeeper } from '@certferry/secrets';
import { Hooks } from '@certferry/store-drivers';
import { makeChain, temporaryFolder } from '@certferry/testing';
import { ResourceLeases } from '@certferry/work';
import { readCertificate } from '@certferry/x509';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import type { DeploymentContext } from '../libs/deployment/src/deployment-context.ts';
import { insertJob } from '../libs/deployment/src/deployments/insert-job.ts';
import { cancelJob } from '../libs/deployment/src/jobs/decide-on-job.ts';
import { isFinal, type Job, type Transition } from '../libs/deployment/src/jobs/job.ts';
import { Jobs } from '../libs/deployment/src/jobs/jobs.ts';
import { Worker, type WorkerOptions } from '../libs/deployment/src/jobs/worker.ts';
import { StoreContents } from '../libs/deployment/src/places/store-contents.ts';
import { Stores } from '../libs/deployment/src/stores/stores.ts';
import { Versions } from '../libs/deployment/src/versions/versions.ts';
import { StallingAccess } from '../libs/store-drivers/src/child/testing/stall-children.ts';
import { ToyServer } from '../libs/store-drivers/src/toy/toy-server.ts';
import { profiles, startSystem, type TestSystem } from './hosted-services.ts';

// Stores that hang: servers that take a connection and say nothing. Everything is real but that waiting is shorter.

let system: TestSystem;
let database: Database;
let context: DeploymentContext;
let access: StallingAccess;
let certificateId: string;
let fingerprintSha256: string;
/** What happens before a job's step is saved. */
let beforeStep: (to: Transition) => void = () => undefined;
let ahead = 0;
const logged: Record<string, unknown>[] = [];
const folder = temporaryFolder('hung');

class WatchedJobs extends Jobs {
  override async step(job: Job, to: Transition): Promise<Job | undefined> {
    beforeStep(to);
    return await super.step(job, to);
  }
}

beforeAll(async () => {
  system = await startSystem(profiles[0]!);
  const imports = system.client(inventoryV1.ImportServiceDefinition);
  const { leaf, intermediate, root } = await makeChain('hung.example.com');
  ({ fingerprintSha256 } = readCertificate(leaf.der));
  const content = Buffer.from(leaf.pem + leaf.keyPem + intermediate.pem + root.pem);
  const { items } = (await imports.importCertificates({ content })).import!;
  certificateId = items.find((item) => item.fingerprintSha256 === fingerprintSha256)!.certificateId;
  database = await openDatabase(`embedded:${temporaryFolder('hung-jobs')}`);
  const parser = system.client(parserV1.ParserServiceDefinition);
  access = new StallingAccess({ roots: [folder], parser, max: 12, keep: 10, answerMs: 8_000, graceMs: 300 });
  access.warm();
  context = {
    stores: new Stores(database),
    hooks: new Hooks(new Map()),
    versions: new Versions(database),
    storeLeases: new ResourceLeases(database, 'store_leases'),
    jobs: new WatchedJobs(database),
    contents: new StoreContents(database),
    numbers: new Numbers(database, 'jobs'),
    access,
    certificates: system.client(inventoryV1.CertificateServiceDefinition),
    material: system.client(inventoryV1.MaterialServiceDefinition),
    replacements: system.client(inventoryV1.ReplacementServiceDefinition),
    outbound: new Outbound(),
    secrets: createSecretKeeper(randomBytes(32)),
    database,
    clock: { now: () => new Date(Date.now() + ahead) },
    logger: pino({ level: 'info' }, { write: (line) => logged.push(JSON.parse(line) as Record<string, unknown>) }),
    saved: () => undefined,
  };
  await database.ready();
  // So that no time here is that of a start.
  await vi.waitFor(() => expect(access.counts.idle).toBe(10), { timeout: 40_000 });
});
afterAll(async () => {
  await access.close();
  await database.close();
  await system.stop();
});

afterEach(async () => {
  beforeStep = () => undefined;
  ahead = 0;
  await context.jobs.model.deleteMany({});
});

const makeStore = async (kind: string, config: Record<string, unknown>): Promise<string> => {
  const [_id, now] = [newId(), new Date()];
  await context.stores.insert({ _id, name: _id, kind, config, labels: [], createdAt: now, updatedAt: now });
  return _id;
};
const makeFile = (name: string) => makeStore('der', { certificatePath: join(folder, `${name}.der`) });
const makeToy = async () => {
  const server = new ToyServer();
  return { server, storeId: await makeStore('toy', { ...(await server.start()), token: 'canary' }) };
};
const queue = async (storeId: string, alias = ''): Promise<Job> => {
  const asked = { storeId, certificateId, fingerprintSha256, action: 'add', alias } as const;
  const now = new Date();
  return await insertJob(context, { ...asked, overwrite: true, includePrivateKey: false }, { now, dueAt: now });
};
const find = async ({ _id }: Job): Promise<Job> => (await context.jobs.find(_id))!;
const until = async (job: Job, wanted: Partial<Job>): Promise<Job> =>
  await vi.waitFor(
    async () => {
      const found = await find(job);
      expect(found, JSON.stringify(found.timeline)).toMatchObject(wanted);
      return found;
    },
    { timeout: 30_000, interval: 20 },
  );
const withWorker = async (options: WorkerOptions, run: (worker: Worker) => Promise<void>): Promise<void> => {
  const worker = new Worker(context, 4, {
    silentMs: 300,
    firstProbeMs: 1_000,
    probeMs: 2_000,
    graceMs: 500,
    ...options,
  });
  await worker.start();
  try {
    await run(worker);
  } finally {
    await worker.stop();
  }
};

test(
  'as many as there are places stop no other, are parked with their jobs, and go on when they answer',
  { timeout: 90_000 },
  async () => {
    const hung = await Promise.all(Array.from({ length: 4 }, makeToy));
    const proceed = hung.map(({ server }) => server.stall());
    // The hung ones have waited longer.
    const behind: Job[] = [];
    for (const { storeId } of hung) for (let i = 0; i < 5; i++) behind.push(await queue(storeId, `place-${i}`));
    const healthy = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => queue(await makeFile(`healthy-${i}`))),
    );
    await withWorker({}, async (worker) => {
      await vi.waitFor(
        async () =>
          expect((await Promise.all(healthy.map(find))).some(({ status }) => status === 'succeeded')).toBe(true),
        { timeout: 30_000, interval: 20 },
      );
      // They passed those that hang: each of the four has left its place, not given up.
      expect(worker.parked).toBe(0);
      const running = (await Promise.all(behind.map(find))).filter(({ state }) => state === 'leased');
      expect(running).toHaveLength(4);
      for (const job of healthy) await until(job, { status: 'succeeded', attempts: 1 });
      expect((await Promise.all(behind.map(find))).filter(({ status }) => status === 'succeeded')).toEqual([]);
      await vi.waitFor(() => expect(worker.parked).toBe(4), { timeout: 20_000 });
      const tried = (await Promise.all(behind.map(find))).filter(({ attempts }) => attempts > 0);
      expect(tried.map(({ storeId }) => storeId).toSorted()).toEqual(hung.map(({ storeId }) => storeId).toSorted());
      for (const job of tried)
        expect(job).toMatchObject({ status: 'retrying', error: { reason: 'TARGET_HANGS', retryable: true } });
      expect(logged).toContainEqual(expect.objectContaining({ msg: 'store parked: it does not answer', level: 40 }));
      // Probes find that they still hang, and no job is spent on that.
      await vi.waitFor(
        () => expect(logged).toContainEqual(expect.objectContaining({ msg: 'parked store still does not answer' })),
        { timeout: 20_000 },
      );
      expect((await find(tried[0]!)).attempts).toBe(1);
      for (const one of proceed) one();
      for (const job of behind) await until(job, { status: 'succeeded' });
      expect(worker.parked).toBe(0);
    });
    for (const { server } of hung) {
      expect(Object.keys(server.entries)).toHaveLength(5);
      await server.stop();
    }
  },
);

test('with 200 jobs behind it one store stops no other', { timeout: 60_000 }, async () => {
  const { server, storeId } = await makeToy();
  server.stall();
  const behind: Job[] = [];
  for (let i = 0; i < 200; i++) behind.push(await queue(storeId, `place-${i}`));
  const other = await queue(await makeFile('beside'));
  await withWorker({}, async () => {
    await until(other, { status: 'succeeded', attempts: 1 });
    expect((await Promise.all(behind.map(find))).filter(({ attempts }) => attempts > 0)).toHaveLength(1);
  });
  await server.stop();
});

test('its running job is cancelled, and nothing is written by it', { timeout: 60_000 }, async () => {
  const { server, storeId } = await makeToy();
  const proceed = server.stall();
  const job = await queue(storeId, 'web');
  await withWorker({}, async () => {
    await until(job, { state: 'leased' });
    expect(await cancelJob(context, job._id)).toMatchObject({ status: 'cancelled' });
    await vi.waitFor(() => expect(access.counts.busy).toBe(0), { timeout: 5_000 });
    proceed();
    const next = await queue(storeId, 'other');
    await until(next, { status: 'succeeded' });
  });
  expect(Object.keys(server.entries)).toEqual(['other']);
  expect(await find(job)).toMatchObject({ status: 'cancelled' });
  await server.stop();
});

test(
  'a job that hangs in its write is cancelled once that is clear; the next one reads back what it left',
  { timeout: 60_000 },
  async () => {
    const { server, storeId } = await makeToy();
    const job = await queue(storeId, 'web');
    let proceed = (): void => undefined;
    beforeStep = (to) => {
      if (to.state === 'intent') proceed = server.stall();
    };
    await withWorker({}, async () => {
      await until(job, { state: 'intent' });
      beforeStep = () => undefined;
      await expect(cancelJob(context, job._id)).rejects.toMatchObject({ reason: 'JOB_NOT_CANCELLABLE' });
      ahead = 6_000;
      expect(await cancelJob(context, job._id)).toMatchObject({ status: 'cancelled' });
      ahead = 0;
      await vi.waitFor(() => expect(access.counts.busy).toBe(0), { timeout: 5_000 });
      proceed();
      const next = await queue(storeId, 'web');
      await until(next, { status: 'succeeded' });
    });
    expect(Object.keys(server.entries)).toEqual(['web']);
    await server.stop();
  },
);

test('whatever hangs, a worker ends within its grace, and its children with it', { timeout: 60_000 }, async () => {
  const files = await Promise.all(Array.from({ length: 3 }, async (_, i) => queue(await makeFile(`stopping-${i}`))));
  const proceed = await access.stall();
  const worker = new Worker(context, 4, { graceMs: 500 });
  await worker.start();
  for (const job of files) await until(job, { state: 'leased' });
  const began = performance.now();
  await worker.stop();
  expect(performance.now() - began).toBeLessThan(4_000);
  await vi.waitFor(() => expect(access.counts.busy).toBe(0), { timeout: 5_000 });
  await proceed();
  expect(files.some((_, i) => existsSync(join(folder, `stopping-${i}.der`)))).toBe(false);
  await withWorker({}, async () => {
    for (const job of files) expect(isFinal(await until(job, { status: 'succeeded', attempts: 2 }))).toBe(true);
  });
});
