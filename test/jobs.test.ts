import { execFileSync } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, newId } from '@certferry/core';
import { inventoryV1, parserV1 } from '@certferry/contracts';
import { Numbers, openDatabase, type Database } from '@certferry/database';
import { createSecretKeeper } from '@certferry/secrets';
import { connectDirectly, LocalStoreAccess, StoreRoots } from '@certferry/store-drivers';
import { makeChain, temporaryFolder } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { createDeployment } from '../libs/deployment/src/create-deployment.ts';
import type { DeploymentContext } from '../libs/deployment/src/deployment-context.ts';
import { Jobs } from '../libs/deployment/src/jobs.ts';
import type { Job } from '../libs/deployment/src/job.ts';
import { Stores } from '../libs/deployment/src/stores.ts';
import { Worker } from '../libs/deployment/src/worker.ts';
import { profiles, startSystem, type TestSystem } from './harness.ts';

// Workers at the moments that a running system meets too seldom to wait for. Everything is real but the clock of the
// database, which the test moves, and a queue of faults between the worker and the inventory.

const mongodb = inject('mongodb');
const engines: [string, () => string][] = [
  ['embedded', () => `embedded:${temporaryFolder('jobs')}`],
  ...(mongodb ? [[mongodb.engine, () => `${mongodb.url}/jobs-${randomUUID()}`] as [string, () => string]] : []),
];

describe.each(engines)('jobs on %s', (_, url) => {
  let system: TestSystem;
  let database: Database;
  let context: DeploymentContext;
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
    context = {
      stores: new Stores(database),
      jobs: new Jobs(database),
      numbers: new Numbers(database, 'jobs'),
      access: new LocalStoreAccess({
        roots: new StoreRoots([folder]),
        parser: system.client(parserV1.ParserServiceDefinition),
        connect: connectDirectly,
      }),
      certificates: system.client(inventoryV1.CertificateServiceDefinition),
      material: {
        getCertificateMaterial: async (request) => {
          await faults.shift()?.();
          return await material.getCertificateMaterial(request);
        },
      },
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
    await database.close();
    await system.stop();
  });

  const makeStore = async (config: Record<string, string>): Promise<string> => {
    const _id = newId();
    const now = new Date();
    await context.stores.insert({ _id, name: _id, kind: 'pem', config, labels: [], createdAt: now, updatedAt: now });
    return _id;
  };
  const queue = async (storeId: string): Promise<Job> => {
    const [job] = await createDeployment(context, {
      certificateId,
      action: 'add',
      targets: [{ storeId, overwrite: false }],
      requestId: '',
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
    await worker.start();
    try {
      await run(worker);
    } finally {
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
          expect(waiting.error!.message).toContain('ENOSPC');
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
        expect(readFileSync(path, 'utf8').match(/BEGIN CERTIFICATE/g)?.length).toBe(3);
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
    expect(await context.jobs.due(new Date(Date.now() + 1e9), 10)).toEqual([]);
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
      targets: [{ storeId, overwrite: false }],
      recurrence: { everyMinutes: 60 },
      requestId: '',
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
    await context.jobs.step(second as unknown as Job, { state: 'cancelled', at: new Date() });
    await withWorker(async () => void (await until(second!._id, (one) => one.repeats === undefined)));
    expect(await context.jobs.model.find({ previousJobId: second!._id }).lean()).toEqual([]);
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
});
