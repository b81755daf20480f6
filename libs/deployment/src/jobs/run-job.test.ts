import { randomBytes } from 'node:crypto';
import { AppError, newId, systemClock } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import { Numbers, openDatabase, type Database } from '@certferry/database';
import { Outbound } from '@certferry/outbound';
import { hostServices } from '@certferry/rpc/testing';
import { createLogger } from '@certferry/runtime';
import { createSecretKeeper } from '@certferry/secrets';
import { makeCertificate, temporaryFolder, type TestCertificate } from '@certferry/testing';
import { Hooks } from '@certferry/store-drivers';
import { ResourceLeases } from '@certferry/work';
import { readCertificate } from '@certferry/x509';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DeploymentContext } from '../deployment-context.ts';
import { insertJob } from '../deployments/insert-job.ts';
import { StoreContents } from '../places/store-contents.ts';
import { Stores } from '../stores/stores.ts';
import { serveTls, type ChangingServer } from '../testing/changing-server.ts';
import { Versions } from '../versions/versions.ts';
import { FakeInventory } from '../testing/fake-inventory.ts';
import { hang, MemoryStore } from '../testing/memory-store.ts';
import { cancelJob, retryJob } from './decide-on-job.ts';
import type { Job } from './job.ts';
import { Jobs } from './jobs.ts';
import { runJob } from './run-job.ts';
import { Worker } from './worker.ts';

// Attempts that begin where another can have ended, and attempts that end where they should not.

const fails = (code: AppError['code']) => () => Promise.reject(new AppError({ code, reason: 'FAULT', message: 'no' }));
const HELD = { held: () => true, lost: new AbortController().signal };

let database: Database;
let context: DeploymentContext;
let jobs: Jobs;
const inventory = new FakeInventory();
let certificate: TestCertificate;
let certificateId: string;
let fingerprintSha256: string;
let store: MemoryStore;
let storeId: string;

beforeAll(async () => {
  certificate = await makeCertificate({ commonName: 'run.example.com' });
  certificateId = inventory.add(certificate);
  ({ fingerprintSha256 } = readCertificate(certificate.der));
  database = await openDatabase(`embedded:${temporaryFolder('run-job')}`);
  const { client } = await hostServices('in process', inventory.serve());
  jobs = new Jobs(database);
  context = {
    jobs,
    contents: new StoreContents(database),
    stores: new Stores(database),
    hooks: new Hooks(new Map()),
    versions: new Versions(database),
    storeLeases: new ResourceLeases(database, 'store_leases'),
    numbers: new Numbers(database, 'jobs'),
    access: { open: (...to) => store.open(...to) },
    certificates: client(inventoryV1.CertificateServiceDefinition),
    material: client(inventoryV1.MaterialServiceDefinition),
    outbound: new Outbound({ allow: ['127.0.0.0/8'] }),
    replacements: client(inventoryV1.ReplacementServiceDefinition),
    secrets: createSecretKeeper(randomBytes(32)),
    database,
    clock: systemClock,
    logger: createLogger('silent'),
    saved: () => undefined,
  };
  await database.ready();
});
afterAll(() => database.close());

beforeEach(async () => {
  await jobs.model.deleteMany({});
  store = new MemoryStore();
  storeId = newId();
  const [createdAt, updatedAt] = [new Date(), new Date()];
  await context.stores.insert({
    ...{ _id: storeId, name: storeId, kind: 'memory', config: {}, labels: [], createdAt, updatedAt },
  });
});

const queue = async (alias: string): Promise<Job> => {
  const asked = { storeId, certificateId, fingerprintSha256, action: 'add', alias } as const;
  const [now, dueAt] = [new Date(), new Date()];
  return await insertJob(context, { ...asked, overwrite: true, includePrivateKey: false }, { now, dueAt });
};
const find = async ({ _id }: Job): Promise<Job> => (await jobs.find(_id))!;
/** One attempt, as a worker makes it. */
const attempt = async (job: Job, lease = HELD): Promise<Job> => {
  const { generation, attempts, ...now } = await find(job);
  const set = { generation: generation + 1, attempts: attempts + 1, dueAt: new Date(Date.now() + 30_000) };
  const leased = await jobs.step({ ...now, generation, attempts }, { state: 'leased', at: new Date(), set });
  await runJob(context, leased!, lease);
  return await find(job);
};
/** As a worker leaves a job that is killed after it has recorded what it will write. */
const interrupt = async (job: Job, newDigest: string): Promise<void> => {
  const intent = { oldDigest: store.revision, newDigest, changes: [change(job.alias)] };
  await jobs.model.updateOne({ _id: job._id }, { $set: { state: 'intent', status: 'running', intent } });
};
const change = (what: string) => ({
  ...({ operation: 'create', what } as const),
  oldFingerprintSha256: '',
  newFingerprintSha256: fingerprintSha256,
});
const revisionWith = (alias: string) => store.revisionOf({ [alias]: fingerprintSha256 });
const untilDone = async (job: Job, state: Job['state']): Promise<void> =>
  await expect.poll(async () => (await find(job)).state, { timeout: 5_000 }).toBe(state);

describe('what was interrupted', () => {
  test('and had written is finished, and written once', async () => {
    const job = await queue('a');
    await interrupt(job, revisionWith('a'));
    store.content.set('a', fingerprintSha256);
    expect(await attempt(job)).toMatchObject({ state: 'done', changes: [change('a')] });
    expect(store.writes).toBe(0);
  });

  test('and had not written is written', async () => {
    const job = await queue('a');
    await interrupt(job, revisionWith('a'));
    expect(await attempt(job)).toMatchObject({ state: 'done', changes: [change('a')] });
    expect(store.writes).toBe(1);
  });

  test('and finds something else has drifted; a retry by hand decides anew', async () => {
    const job = await queue('a');
    await interrupt(job, revisionWith('a'));
    store.content.set('b', 'somebody else’s');
    expect(await attempt(job)).toMatchObject({ state: 'drifted' });
    expect(store.writes).toBe(0);
    await retryJob(context, job._id);
    expect(await attempt(job)).toMatchObject({ state: 'done', attempts: 1 });
    expect(store.content).toEqual(
      new Map([
        ['a', fingerprintSha256],
        ['b', 'somebody else’s'],
      ]),
    );
  });

  test('is finished though a later job for the place has succeeded, where it had written', async () => {
    const [job, later] = [await queue('a'), await queue('a')];
    await interrupt(job, revisionWith('a'));
    store.content.set('a', fingerprintSha256);
    await jobs.model.updateOne({ _id: later._id }, { $set: { state: 'done' }, $unset: { dueAt: 1 } });
    expect(await attempt(job)).toMatchObject({ state: 'done' });
  });

  test('and had not written is overtaken by a later job that has succeeded, however it writes the alias', async () => {
    // The one in between is for another place, though a dot in a pattern would match it.
    const [job, elsewhere, later] = [await queue('a.b'), await queue('aXb'), await queue('A.B')];
    await jobs.model.updateMany(
      { _id: { $in: [later._id, elsewhere._id] } },
      { $set: { state: 'done' }, $unset: { dueAt: 1 } },
    );
    await interrupt(job, revisionWith('a.b'));
    const cancelled = await attempt(job);
    expect(cancelled).toMatchObject({ state: 'cancelled', error: { reason: 'SUPERSEDED', retryable: false } });
    expect(cancelled.error!.message).toContain(later._id);
    expect(cancelled.intent).toBeUndefined();
    expect(store.writes).toBe(0);
  });

  test('and had not written holds nobody up when it has to be tried again', async () => {
    const [job, other] = [await queue('a'), await queue('b')];
    await interrupt(job, revisionWith('a'));
    inventory.faults.push(fails('UNAVAILABLE'));
    const waits = await attempt(job);
    expect(waits).toMatchObject({ state: 'retry' });
    expect(waits.intent).toBeUndefined();
    expect(await jobs.nextOf(storeId, new Date())).toMatchObject({ _id: other._id });
  });
});

describe('a write that fails', () => {
  test('before it has changed anything leaves nothing to finish', async () => {
    const job = await queue('a');
    store.next('before write', fails('UNAVAILABLE'));
    const waits = await attempt(job);
    expect(waits).toMatchObject({ state: 'retry', error: { reason: 'FAULT' } });
    expect(waits.intent).toBeUndefined();
    expect(await cancelJob(context, job._id)).toMatchObject({ state: 'cancelled' });
  });

  test('after it goes before the other jobs of the store, cannot be cancelled, and is finished', async () => {
    const [job, other] = [await queue('a'), await queue('b')];
    store.next('after write', fails('UNAVAILABLE'));
    const waits = await attempt(job);
    expect(waits).toMatchObject({ state: 'retry', intent: { newDigest: revisionWith('a') } });
    expect(await jobs.nextOf(storeId, new Date())).toBeUndefined();
    expect(await jobs.heldStores(new Date())).toEqual([{ resource: storeId, until: waits.dueAt }]);
    await expect(cancelJob(context, job._id)).rejects.toMatchObject({ reason: 'JOB_NOT_CANCELLABLE' });
    expect(await jobs.nextOf(storeId, waits.dueAt!)).toMatchObject({ _id: job._id });
    expect(await attempt(job)).toMatchObject({ state: 'done', attempts: 2 });
    expect(store.writes).toBe(1);
    expect(await attempt(other)).toMatchObject({ state: 'done' });
  });

  test('for good after it has written does not hold the store; a retry by hand finds it as asked', async () => {
    const [job, other] = [await queue('a'), await queue('b')];
    store.next('after write', fails('PERMISSION_DENIED'));
    expect(await attempt(job)).toMatchObject({ state: 'dead', intent: { newDigest: revisionWith('a') } });
    expect(await jobs.nextOf(storeId, new Date())).toMatchObject({ _id: other._id });
    expect(await attempt(other)).toMatchObject({ state: 'done' });
    const retried = await retryJob(context, job._id);
    expect(retried.intent).toBeUndefined();
    expect(await attempt(job)).toMatchObject({ state: 'done', changes: [] });
    expect([...store.content.keys()]).toEqual(['a', 'b']);
  });

  test('to be what was written is read back again, and drifted once somebody else has changed it', async () => {
    const job = await queue('a');
    store.next('after write', () => void store.content.set('a', 'another'));
    expect(await attempt(job)).toMatchObject({ state: 'retry', error: { reason: 'NOT_AS_WRITTEN' } });
    expect(await attempt(job)).toMatchObject({ state: 'drifted' });
    expect(store.content.get('a')).toBe('another');
  });
});

describe('a lease that is lost', () => {
  test('right before the write: nothing is written, nothing recorded', async () => {
    const job = await queue('a');
    expect(await attempt(job, { ...HELD, held: () => false })).toMatchObject({ state: 'intent' });
    expect(store.writes).toBe(0);
  });

  test('during the write: the job stays where it was, for who has it next', async () => {
    const job = await queue('a');
    const lost = new AbortController();
    store.next('before write', (signal) => (setImmediate(() => lost.abort()), hang(signal)));
    expect(await attempt(job, { ...HELD, lost: lost.signal })).toMatchObject({ state: 'intent' });
    expect(await attempt(job)).toMatchObject({ state: 'done' });
  });
});

test('a job whose alias nobody said has the alias of the entry that the store took, also when it is resumed', async () => {
  store.predecessor = 'tomcat';
  store.content.set('tomcat', 'the predecessor');
  const job = await queue('run.example.com');
  await jobs.model.updateOne({ _id: job._id }, { $set: { aliasIsDefault: true } });
  store.next('after write', fails('UNAVAILABLE'));
  expect(await attempt(job)).toMatchObject({ state: 'retry', alias: 'tomcat' });
  expect(await attempt(job)).toMatchObject({ state: 'done', alias: 'tomcat' });
  expect([...store.content]).toEqual([['tomcat', fingerprintSha256]]);
  expect(store.writes).toBe(1);
});

test('a store that cannot be closed does not undo the end of a job', async () => {
  const job = await queue('a');
  store.next('close', fails('UNAVAILABLE'));
  const done = await attempt(job);
  expect(done).toMatchObject({ state: 'done' });
  expect(done.timeline.map(({ step }) => step)).toEqual(['queued', 'leased', 'intent', 'written', 'verified', 'done']);
});

test('who has seen a job before it was cancelled and retried moves it no more', async () => {
  const seen = await queue('a');
  const cancelled = await cancelJob(context, seen._id);
  expect(cancelled.timeline.map(({ step, message }) => [step, message])).toEqual([
    ['queued', ''],
    ['cancelled', 'Cancelled by a caller.'],
  ]);
  const retried = await retryJob(context, seen._id);
  expect(retried.timeline).toEqual((await find(seen)).timeline);
  expect(await jobs.step(seen, { state: 'cancelled', at: new Date() })).toBeUndefined();
  expect(await jobs.step(retried, { state: 'cancelled', at: new Date() })).toBeDefined();
});

describe('a worker', () => {
  test('gives up a job whose tenth attempt ended with its process, and runs the next', async () => {
    const [poison, other] = [await queue('a'), await queue('b')];
    const interrupted = { state: 'leased', status: 'running', attempts: 10, dueAt: new Date(0) };
    await jobs.model.updateOne({ _id: poison._id }, { $set: interrupted });
    const worker = new Worker(context, 1);
    await worker.start();
    await untilDone(other, 'done').finally(() => worker.stop());
    expect(await find(poison)).toMatchObject({ state: 'dead', attempts: 10, error: { reason: 'INTERRUPTED' } });
    await retryJob(context, poison._id);
    expect(await attempt(poison)).toMatchObject({ state: 'done', attempts: 1 });
  });

  test('that stops does not wait for a store that hangs; the job goes on at the next start', async () => {
    const job = await queue('a');
    store.next('before write', hang);
    const worker = new Worker(context, 1, { graceMs: 50 });
    await worker.start();
    await untilDone(job, 'intent');
    await worker.stop();
    expect(await find(job)).toMatchObject({ state: 'intent', attempts: 1 });
    const next = new Worker(context, 1);
    await next.start();
    await untilDone(job, 'done').finally(() => next.stop());
    expect(await find(job)).toMatchObject({ attempts: 2 });
  });
});

describe('a look at what is served', () => {
  let served: ChangingServer;
  beforeEach(async () => {
    served = await serveTls([await makeCertificate({ commonName: 'old.example.com' })]);
    const endpoints = {
      ...{ items: [{ address: served.address, serverName: '', alias: 'a' }], graceSeconds: 60, attempts: 60 },
      onMismatch: 'rollback' as const,
    };
    await context.stores.replace({ ...(await context.stores.find(storeId))!, endpoints });
  });
  afterEach(() => served.stop());

  test('is made again where the process ended meanwhile, and nothing is written again', async () => {
    const job = await queue('a');
    const lost = new AbortController();
    served.onConnection = () => setTimeout(() => lost.abort(), 50);
    const left = await attempt(job, { ...HELD, lost: lost.signal });
    expect(left).toMatchObject({ state: 'verified', intent: { newDigest: revisionWith('a') } });
    served.onConnection = () => undefined;
    served.show([certificate]);
    expect(await attempt(job)).toMatchObject({ state: 'done', look: [{ ok: true, fingerprintSha256 }] });
    expect(store.writes).toBe(1);
  });

  test('that fails rolls back once where the store says so, and not where nothing was written', async () => {
    await graceOf(0);
    store.content.set('a', 'what was there');
    const job = await queue('a');
    const dead = await attempt(job);
    expect(dead).toMatchObject({ state: 'dead', error: { reason: 'NOT_SERVED' }, changes: [], look: [{ ok: false }] });
    expect(dead.rolledBack).toMatchObject({ ok: true, changes: [{ operation: 'replace' }] });
    expect(dead.intent).toBeUndefined();
    expect(store.content.get('a')).toBe('what was there');
    store.content.set('a', fingerprintSha256);
    const asAsked = await attempt(await queue('a'));
    expect(asAsked).toMatchObject({ state: 'dead', error: { reason: 'NOT_SERVED' } });
    expect(asAsked.rolledBack).toBeUndefined();
    expect(store.content.get('a')).toBe(fingerprintSha256);
  });

  test('is made for its own entry alone', async () => {
    await graceOf(0);
    expect(await attempt(await queue('A'))).toMatchObject({ state: 'dead', look: [{ ok: false }] });
    const other = await attempt(await queue('b'));
    expect([other.state, other.look]).toEqual(['done', undefined]);
  });

  const graceOf = async (graceSeconds: number) => {
    const { endpoints, ...rest } = (await context.stores.find(storeId))!;
    await context.stores.replace({ ...rest, endpoints: { ...endpoints!, graceSeconds } });
  };
});
