import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, newId } from '@certferry/core';
import { inventoryV1, parserV1 } from '@certferry/contracts';
import { Numbers, openDatabase, type Database } from '@certferry/database';
import { backgroundContext, callContext, withCallContext } from '@certferry/rpc';
import { Outbound } from '@certferry/outbound';
import { createSecretKeeper } from '@certferry/secrets';
import { ChildStoreAccess, Hooks } from '@certferry/store-drivers';
import { databaseUrl, makeChain, temporaryFolder, useMongoDb } from '@certferry/testing';
import { ResourceLeases } from '@certferry/work';
import { readCertificate } from '@certferry/x509';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DeploymentContext } from '../libs/deployment/src/deployment-context.ts';
import { createDeployment } from '../libs/deployment/src/deployments/create-deployment.ts';
import { cancelJob, retryJob } from '../libs/deployment/src/jobs/decide-on-job.ts';
import { Jobs } from '../libs/deployment/src/jobs/jobs.ts';
import { isFinal, type Job } from '../libs/deployment/src/jobs/job.ts';
import { Worker } from '../libs/deployment/src/jobs/worker.ts';
import type { Recurrence } from '../libs/deployment/src/schedules/recurrence.ts';
import { Scheduler } from '../libs/deployment/src/schedules/scheduler.ts';
import { StoreContents } from '../libs/deployment/src/places/store-contents.ts';
import { Stores } from '../libs/deployment/src/stores/stores.ts';
import { Versions } from '../libs/deployment/src/versions/versions.ts';
import { profiles, startSystem, type TestSystem } from './hosted-services.ts';

// Workers at the moments that a running system meets too seldom to wait for. Everything is real but the clock of the
// database, which the test moves, and a queue of faults between the worker and the inventory.

const mongodb = await useMongoDb();
const engines: [string, () => string][] = [
  ['embedded', () => `embedded:${temporaryFolder('jobs')}`],
  ...(mongodb ? [[mongodb.engine, () => databaseUrl(mongodb, `jobs-${randomUUID()}`)] as [string, () => string]] : []),
];

/** The jobs with some methods replaced; private members stay where they are. */
const overriding = (jobs: Jobs, methods: Partial<Jobs>): Jobs =>
  new Proxy(jobs, {
    get(target, name) {
      const found: unknown = Reflect.get(methods, name) ?? Reflect.get(target, name, target);
      return typeof found === 'function' ? (found.bind(target) as unknown) : found;
    },
  });

describe.each(engines)('jobs on %s', (_, url) => {
  let system: TestSystem;
  let database: Database;
  let context: DeploymentContext;
  let access: ChildStoreAccess;
  let certificateId: string;
  let fingerprint: string;
  /** Milliseconds that the database's clock is ahead. */
  let ahead = 0;
  /** What the next calls for a certificate's material do first. */
  const faults: (() => Promise<void>)[] = [];
  const folder = temporaryFolder('job-stores');

  beforeAll(async () => {
    system = await startSystem(profiles[0]!);
    const imports = system.client(inventoryV1.ImportServiceDefinition);
    const material = system.client(inventoryV1.MaterialServiceDefinition);
    const { leaf, intermediate, root } = await makeChain('jobs.example.com');
    fingerprint = readCertificate(leaf.der).fingerprintSha256;
    const content = Buffer.from(leaf.pem + leaf.keyPem + intermediate.pem + root.pem);
    const { items } = (await imports.importCertificates({ content })).import!;
    certificateId = items.find((item) => item.fingerprintSha256 === fingerprint)!.certificateId;
    database = await openDatabase(url());
    access = new ChildStoreAccess({ roots: [folder], parser: system.client(parserV1.ParserServiceDefinition), max: 8 });
    context = {
      stores: new Stores(database),
      hooks: new Hooks(new Map()),
      versions: new Versions(database),
      storeLeases: new ResourceLeases(database, 'store_leases'),
      jobs: new Jobs(database),
      contents: new StoreContents(database),
      numbers: new Numbers(database, 'jobs'),
      access,
      certificates: system.client(inventoryV1.CertificateServiceDefinition),
      replacements: system.client(inventoryV1.ReplacementServiceDefinition),
      material: {
        getCertificateMaterial: async (request) => {
          await faults.shift()?.();
          return await material.getCertificateMaterial(request);
        },
      },
      outbound: new Outbound(),
      secrets: createSecretKeeper(randomBytes(32)),
      database: {
        ...database,
        exclusive: false,
        now: async () => new Date((await database.now()).getTime() + ahead),
      },
      clock: { now: () => new Date() },
      logger: pino({ level: 'silent' }),
      saved: () => undefined,
    };
    await database.ready();
  });
  afterAll(async () => {
    await access.close();
    await database.close();
    await system.stop();
  });

  const makeStore = async (config: Record<string, string>, kind = 'pem'): Promise<string> => {
    const _id = newId();
    const now = new Date();
    await context.stores.insert({ _id, name: _id, kind, config, labels: [], createdAt: now, updatedAt: now });
    return _id;
  };
  const password = 'changeit-jobs';
  const makeKeystore = async (name: string) => await makeStore({ path: join(folder, name), password }, 'pkcs12');

  const queue = async (storeId: string, alias?: string): Promise<Job> => {
    const [job] = await createDeployment(context, {
      certificateId,
      action: 'add',
      targets: [{ storeId, alias, overwrite: false, allowKeyRemoval: false, force: false }],
      idempotencyKey: '',
    });
    return job!;
  };
  const until = async (id: string, wanted: (job: Job) => boolean): Promise<Job> => {
    for (let tries = 0; tries < 300; tries++) {
      const job = (await context.jobs.find(id))!;
      if (wanted(job)) return job;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { status, timeline } = (await context.jobs.find(id))!;
    throw new Error(`the job is ${status} after ${JSON.stringify(timeline)}`);
  };
  const withWorker = async (run: (worker: Worker) => Promise<void>): Promise<void> => {
    const worker = new Worker(context, 4);
    const scheduler = new Scheduler(context);
    await worker.start();
    scheduler.start();
    try {
      await run(worker);
    } finally {
      await scheduler.stop();
      await worker.stop();
    }
  };

  test.skipIf(process.getuid?.() !== 0)(
    'a full disk is waited out, and the store is whole before and after',
    async () => {
      const disk = join(folder, 'small');
      mkdirSync(disk);
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
      try {
        expect(() => writeFileSync(join(disk, 'filler'), randomBytes(65 * 1024))).toThrow('ENOSPC');
        const path = join(disk, 'full.pem');
        const job = await queue(await makeStore({ fullChainPath: path }));
        await withWorker(async (worker) => {
          const waiting = await until(job._id, (one) => one.status === 'retrying');
          expect(waiting.error).toMatchObject({ reason: 'FILE_ERROR', retryable: true });
          expect(waiting.error!.message).toContain('There is no room');
          expect(existsSync(path)).toBe(false);
          rmSync(join(disk, 'filler'));
          ahead += 1_500;
          worker.kick();
          const done = await until(job._id, (one) => one.status === 'succeeded');
          expect(done).toMatchObject({ attempts: 2 });
          expect(done.error).toBeUndefined();
          expect(done.timeline.map((entry) => entry.step)).toEqual([
            'queued',
            'leased',
            'intent',
            'retry',
            'leased',
            'intent',
            'written',
            'verified',
            'done',
          ]);
        });
        expect(readFileSync(path, 'utf8').match(/BEGIN CERTIFICATE/g)?.length).toBe(2);
      } finally {
        execFileSync('umount', [disk]);
      }
    },
  );

  test('an inventory that is away for a while only delays the job', async () => {
    const away = () =>
      Promise.reject(new AppError({ code: 'UNAVAILABLE', reason: 'SERVICE_UNAVAILABLE', message: 'away' }));
    faults.push(away, away);
    const job = await queue(await makeStore({ certificatePath: join(folder, 'away.pem') }));
    await withWorker(async (worker) => {
      for (const attempts of [1, 2]) {
        await until(job._id, (one) => one.status === 'retrying' && one.attempts === attempts);
        ahead += 3_000;
        worker.kick();
      }
      expect(await until(job._id, (one) => one.status === 'succeeded')).toMatchObject({ attempts: 3 });
    });
  });

  test('after ten attempts the job has failed, and a retry by hand begins anew', async () => {
    const away = () => Promise.reject(new AppError({ code: 'UNAVAILABLE', reason: 'AWAY', message: 'still away' }));
    faults.push(...Array.from({ length: 10 }, () => away));
    const job = await queue(await makeStore({ certificatePath: join(folder, 'ten.pem') }));
    await withWorker(async (worker) => {
      for (let attempts = 1; attempts < 10; attempts++) {
        await until(job._id, (one) => one.status === 'retrying' && one.attempts === attempts);
        ahead += 600_000;
        worker.kick();
      }
      const dead = await until(job._id, (one) => one.status === 'failed');
      expect(dead).toMatchObject({ attempts: 10, error: { reason: 'AWAY', message: 'still away' } });
      expect(dead.dueAt).toBeUndefined();
      await retryJob(context, job._id);
      worker.kick();
      const done = await until(job._id, (one) => one.status === 'succeeded');
      expect(done).toMatchObject({ attempts: 1, generation: 11 });
      expect(done.error).toBeUndefined();
    });
  });

  test('a store that a person edits while a job is interrupted is left alone, until somebody decides', async () => {
    const path = join(folder, 'drift.pem');
    const job = await queue(await makeStore({ certificatePath: path }));
    // As a worker leaves it that is killed between its intent and its write.
    const intent = { oldDigest: 'what was there', newDigest: 'what the job writes', changes: [] };
    await context.jobs.model.updateOne({ _id: job._id }, { $set: { state: 'intent', generation: 1, intent } });
    writeFileSync(path, 'edited by hand\n');
    await withWorker(async () => {
      const drifted = await until(job._id, (one) => one.status === 'drifted');
      expect(drifted.timeline.at(-1)!.message).toContain('Nothing was overwritten');
    });
    expect(readFileSync(path, 'utf8')).toBe('edited by hand\n');
    expect(await context.jobs.dueStores({ now: new Date(Date.now() + 1e9), excluding: [], limit: 10 })).toEqual([]);
  });

  test('a worker that was paused past its lease writes nothing; the one that took over does', async () => {
    const path = join(folder, 'takeover.pem');
    const storeId = await makeStore({ certificatePath: path });
    const job = await queue(storeId);
    let resume = (): void => undefined;
    faults.push(() => new Promise((resolve) => (resume = resolve)));
    await withWorker(async (paused) => {
      await until(job._id, (one) => one.state === 'leased');
      await withWorker(async (other) => {
        await new Promise((resolve) => setTimeout(resolve, 200));
        expect(await context.jobs.find(job._id)).toMatchObject({ state: 'leased', generation: 1 });
        ahead += 31_000;
        other.kick();
        expect(await until(job._id, (one) => one.status === 'succeeded')).toMatchObject({ generation: 2 });
      });
      const written = readFileSync(path);
      resume();
      await paused.stop();
      expect(readFileSync(path)).toEqual(written);
    });
    const { timeline, sequence } = (await context.jobs.find(job._id))!;
    expect(timeline.map((entry) => entry.step)).toEqual([
      'queued',
      'leased',
      'leased',
      'intent',
      'written',
      'verified',
      'done',
    ]);
    expect(sequence).toBe(4);
  });

  test('a recurring deployment makes its next job when one has ended, once, until it is cancelled', async () => {
    ahead = 0;
    const storeId = await makeStore({ certificatePath: join(folder, 'again.pem') });
    const [first] = await createDeployment(context, {
      certificateId,
      action: 'add',
      targets: [{ storeId, overwrite: false, allowKeyRemoval: false, force: false }],
      recurrence: { everyMinutes: 60 },
      idempotencyKey: '',
    });
    const next = () => context.jobs.model.find({ previousJobId: first!._id }).lean();
    await withWorker(async (worker) => {
      await until(first!._id, (one) => one.status === 'succeeded' && one.repeats === undefined);
      worker.kick();
      await new Promise((resolve) => setTimeout(resolve, 200));
    });
    const [second, ...others] = await next();
    expect(others).toEqual([]);
    expect(second).toMatchObject({ status: 'scheduled', repeats: true, number: expect.any(Number) as number });
    expect(second!.dueAt!.getTime() - first!.createdAt.getTime()).toBe(3_600_000);
    await cancelJob(context, second!._id);
    await withWorker(async () => void (await until(second!._id, (one) => one.repeats === undefined)));
    expect(await context.jobs.model.find({ previousJobId: second!._id }).lean()).toEqual([]);
  });

  describe('the time that a job is for decides', () => {
    let renewal: string;
    beforeAll(async () => {
      ahead = 0;
      const { leaf, intermediate, root } = await makeChain('jobs.example.com');
      const content = Buffer.from(leaf.pem + leaf.keyPem + intermediate.pem + root.pem);
      const imports = system.client(inventoryV1.ImportServiceDefinition);
      const { items } = (await imports.importCertificates({ content })).import!;
      const renewed = readCertificate(leaf.der).fingerprintSha256;
      renewal = items.find((item) => item.fingerprintSha256 === renewed)!.certificateId;
    });
    const deploy = async (storeId: string, id: string, more: { runAt?: Date; recurrence?: Recurrence } = {}) => {
      const targets = [{ storeId, alias: 'web', overwrite: true, allowKeyRemoval: false, force: false }];
      const asked = { certificateId: id, action: 'add' as const, targets, idempotencyKey: '', ...more };
      return (await createDeployment(context, asked))[0]!;
    };
    /** Its time has come. */
    const comeDue = async (job: Job) =>
      void (await context.jobs.model.updateOne({ _id: job._id }, { $set: { dueAt: new Date(0) } }));
    const ends = async (worker: Worker, job: Job) => {
      worker.kick();
      return await until(job._id, isFinal);
    };
    const tonight = () => new Date(Date.now() + 6 * 3_600_000);

    test('a renewal planned for tonight is written, whatever is deployed until then', async () => {
      const storeId = await makeKeystore('tonight.p12');
      await withWorker(async (worker) => {
        const planned = await deploy(storeId, renewal, { runAt: tonight() });
        await ends(worker, await deploy(storeId, certificateId));
        await comeDue(planned);
        expect(await ends(worker, planned)).toMatchObject({ status: 'succeeded', changes: [{ operation: 'replace' }] });
      });
    });

    test('a repetition keeps nobody from renewing, is overtaken by the renewal, and goes on', async () => {
      const storeId = await makeKeystore('repeated.p12');
      await withWorker(async (worker) => {
        const first = await deploy(storeId, certificateId, { recurrence: { everyMinutes: 60 } });
        await ends(worker, first);
        const next = async (job: Job) => {
          worker.kick();
          await until(job._id, (one) => one.repeats === undefined);
          return (await context.jobs.model.findOne({ previousJobId: job._id }).lean())!;
        };
        const second = await next(first);
        const planned = await deploy(storeId, renewal, { runAt: tonight() });
        await comeDue(second);
        expect(await ends(worker, second)).toMatchObject({ status: 'succeeded' });
        await comeDue(planned);
        expect(await ends(worker, planned)).toMatchObject({ status: 'succeeded', changes: [{ operation: 'replace' }] });
        const third = await next(second);
        await comeDue(third);
        expect(await ends(worker, third)).toMatchObject({ status: 'cancelled', error: { reason: 'SUPERSEDED' } });
        const fourth = await next(third);
        expect(fourth).toMatchObject({ status: 'scheduled', repeats: true });
        // Whoever wants the old one back says so once, and the repetition keeps it there again.
        await ends(
          worker,
          await deploy(storeId, certificateId, { runAt: new Date(planned.decidesAt!.getTime() + 1) }).then(
            async (job) => (await comeDue(job), job),
          ),
        );
        await comeDue(fourth);
        expect(await ends(worker, fourth)).toMatchObject({ status: 'succeeded' });
        await cancelJob(context, (await next(fourth))._id);
      });
    });

    test('a cancelled job that is retried before its time waits for it', async () => {
      const runAt = tonight();
      const planned = await deploy(await makeKeystore('early.p12'), renewal, { runAt });
      await cancelJob(context, planned._id);
      expect(await retryJob(context, planned._id)).toMatchObject({ status: 'scheduled', dueAt: runAt });
      await cancelJob(context, planned._id);
    });
  });

  test('two workers over the same jobs run each of them once', async () => {
    const jobs = await Promise.all(
      Array.from(
        { length: 20 },
        async (_, i) => await queue(await makeStore({ certificatePath: join(folder, `two-${i}.pem`) })),
      ),
    );
    await withWorker(async () => {
      await withWorker(async () => {
        for (const job of jobs) {
          const done = await until(job._id, (one) => one.status === 'succeeded');
          expect(done).toMatchObject({ attempts: 1, generation: 1 });
        }
      });
    });
  });

  describe('jobs of one keystore', () => {
    test.each(['before the write', 'after the write'])(
      'a job that was interrupted %s is resumed before any other, and ends as it was asked',
      async (moment) => {
        const storeId = await makeKeystore(`interrupted-${moment.replaceAll(' ', '-')}.p12`);
        const first = await queue(storeId, 'first');
        // The worker dies (as far as the database can see) at its next step: what it does later matches nothing.
        const { jobs } = context;
        const dying = overriding(jobs, {
          step: async (...[job, to]: Parameters<Jobs['step']>) => {
            if (to.state === 'written' && moment === 'after the write') return undefined;
            const next = await jobs.step(job, to);
            return to.state === 'intent' && moment === 'before the write' ? undefined : next;
          },
        });
        const dead = new Worker({ ...context, jobs: dying }, 1);
        await dead.start();
        await until(first._id, (one) => one.state === 'intent');
        await new Promise((resolve) => setTimeout(resolve, 300));
        await dead.stop();
        const second = await queue(storeId, 'second');
        // The other one has waited longer.
        await jobs.model.updateOne({ _id: second._id }, { $set: { dueAt: new Date(0) } });
        ahead += 31_000;
        await withWorker(async () => {
          const done = await until(second._id, (one) => one.status === 'succeeded');
          const resumed = await until(first._id, (one) => one.status === 'succeeded');
          expect(resumed.updatedAt.getTime()).toBeLessThanOrEqual(done.updatedAt.getTime());
          expect(resumed.timeline.map((entry) => entry.step)).not.toContain('drifted');
        });
      },
    );

    test('a job that is to be tried again after its intent holds back the others of its store until then', async () => {
      const storeId = await makeKeystore('held.p12');
      const first = await queue(storeId, 'first');
      const second = await queue(storeId, 'second');
      const dueAt = new Date((await context.database.now()).getTime() + 60_000);
      const held = {
        state: 'retry',
        status: 'retrying',
        dueAt,
        intent: { oldDigest: '', newDigest: 'n', changes: [] },
      };
      await context.jobs.model.updateOne({ _id: first._id }, { $set: held });
      await withWorker(async (worker) => {
        await new Promise((resolve) => setTimeout(resolve, 500));
        expect(await context.jobs.find(second._id)).toMatchObject({ state: 'queued', generation: 0 });
        await context.jobs.model.updateOne({ _id: first._id }, { $unset: { intent: 1 } });
        worker.kick();
        await until(second._id, (one) => one.status === 'succeeded');
        expect(await context.jobs.find(first._id)).toMatchObject({ state: 'retry' });
      });
      await cancelJob(context, first._id);
    });

    test('a job that a later one for the same place has overtaken says which', async () => {
      const storeId = await makeKeystore('overtaken.p12');
      const early = await queue(storeId, 'web');
      await context.jobs.model.updateOne({ _id: early._id }, { $set: { dueAt: new Date(Date.now() + 600_000) } });
      const late = await queue(storeId, 'web');
      await withWorker(async (worker) => {
        await until(late._id, (one) => one.status === 'succeeded');
        await context.jobs.model.updateOne({ _id: early._id }, { $set: { dueAt: new Date(0) } });
        worker.kick();
        const cancelled = await until(early._id, (one) => one.status === 'cancelled');
        expect(cancelled.error).toEqual({
          reason: 'SUPERSEDED',
          message: `A later job for the same place has succeeded: ${late._id}.`,
          retryable: false,
        });
      });
    });
  });

  test('many jobs of one busy store neither starve the others nor make a worker spin', async () => {
    const busy = await makeStore({ certificatePath: join(folder, 'busy.pem') });
    const elsewhere = {
      now: await context.database.now(),
      until: new Date((await context.database.now()).getTime() + 60_000),
    };
    expect(await context.storeLeases.take(busy, 'another process', elsewhere)).toBe(true);
    const waiting = await Promise.all(Array.from({ length: 250 }, () => queue(busy)));
    const other = await queue(await makeStore({ certificatePath: join(folder, 'other.pem') }));
    let looks = 0;
    const { jobs } = context;
    const counting = overriding(jobs, {
      dueStores: (...look: Parameters<Jobs['dueStores']>) => {
        looks++;
        return jobs.dueStores(...look);
      },
    });
    const workers = [new Worker({ ...context, jobs: counting }, 4), new Worker({ ...context, jobs: counting }, 4)];
    for (const worker of workers) await worker.start();
    try {
      await until(other._id, (one) => one.status === 'succeeded');
      looks = 0;
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      // Two workers that look once a second.
      expect(looks).toBeLessThanOrEqual(6);
      expect(await jobs.find(waiting[0]!._id)).toMatchObject({ state: 'queued', generation: 0 });
      await context.storeLeases.release(busy, 'another process');
      await until(waiting[0]!._id, (one) => one.status === 'succeeded');
    } finally {
      for (const worker of workers) await worker.stop();
      await jobs.model.deleteMany({ storeId: busy });
    }
  });

  test('a job works for who asked for it, under the id of that request; so does the next one of a recurrence', async () => {
    const asked: { principal: { id: string }; requestId: string }[] = [];
    faults.push(() => {
      const { principal, requestId } = callContext();
      asked.push({ principal, requestId });
      return Promise.resolve();
    });
    const storeId = await makeStore({ certificatePath: join(folder, 'who.pem') });
    const caller = backgroundContext({ principal: { id: 'ops' }, requestId: 'request-1' });
    const [job] = await withCallContext(caller, () =>
      createDeployment(context, {
        certificateId,
        action: 'add',
        targets: [{ storeId, overwrite: false, allowKeyRemoval: false, force: false }],
        recurrence: { everyMinutes: 60 },
        idempotencyKey: '',
      }),
    );
    await withWorker(async () => void (await until(job!._id, (one) => one.status === 'succeeded' && !one.repeats)));
    expect(asked).toEqual([{ principal: { id: 'ops' }, requestId: 'request-1' }]);
    const next = await context.jobs.model.findOne({ previousJobId: job!._id }).lean();
    expect(next).toMatchObject({ requestedBy: 'ops', requestId: 'request-1', status: 'scheduled' });
    await cancelJob(context, next!._id);
  });
});
