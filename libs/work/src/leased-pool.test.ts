import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { newId } from '@certferry/core';
import { openDatabase, type Database } from '@certferry/database';
import { databaseUrl, temporaryFolder, useMongoDb } from '@certferry/testing';
import { Schema, type Model } from 'mongoose';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Lease } from './lease.ts';
import { LeasedPool, type LeasedPoolOptions, type Taken } from './leased-pool.ts';
import { ResourceLeases } from './resource-leases.ts';

/** The least that leased work is: pieces of a resource's work, of which one may run at a time. */
interface Task {
  _id: string;
  resource: string;
  state: 'queued' | 'running' | 'done';
  /** When somebody may take it; absent when it is done. */
  dueAt?: Date;
  /** Rises with each lease. */
  generation: number;
}
const schema = new Schema<Task>(
  { _id: String, resource: String, state: String, dueAt: Date, generation: Number },
  { versionKey: false },
);
schema.index({ dueAt: 1 }, { sparse: true });
schema.index({ resource: 1, state: 1 });

type Do = (task: Task, lease: Lease, stopping: AbortSignal) => Promise<void>;

/** A process that works on the tasks, and what it asked the database. */
class Worker {
  readonly asked = { due: 0, take: 0, release: 0 };
  readonly errors: { error: unknown; resource?: string }[] = [];
  readonly tasks: Model<Task>;
  readonly leases: ResourceLeases;
  readonly pool: LeasedPool;
  readonly #do: Do;

  constructor(database: Database, run: Do, options: Partial<LeasedPoolOptions> = {}) {
    this.#do = run;
    this.tasks = database.model<Task>('tasks', schema);
    this.leases = new ResourceLeases(database, 'task_leases');
    this.pool = new LeasedPool({
      concurrency: 4,
      now: database.now,
      due: async ({ now, excluding, limit }) => {
        this.asked.due++;
        const filter = { dueAt: { $lte: now }, resource: { $nin: excluding } };
        const found = await this.tasks.find(filter).sort({ dueAt: 1 }).limit(limit).lean();
        return found.map(({ resource }) => resource);
      },
      busy: (now) => this.leases.taken(now),
      take: (resource, time) => this.#take(resource, time),
      onError: (error, resource) => this.errors.push({ error, resource }),
      ...options,
    });
  }

  async #take(resource: string, { now, until }: { now: Date; until: Date }): Promise<Taken | undefined> {
    this.asked.take++;
    const holder = newId();
    if (!(await this.leases.take(resource, holder, { now, until }))) return undefined;
    const task = await this.#next(resource, now);
    const mine = { _id: task?._id, generation: (task?.generation ?? 0) + 1, state: 'running' };
    const set = { generation: mine.generation, state: mine.state, dueAt: until };
    if (!task || !(await this.#step({ _id: task._id, generation: task.generation }, { $set: set }))) {
      await this.leases.release(resource, holder);
      return undefined;
    }
    return {
      extend: async (end) =>
        (await this.#step(mine, { $set: { dueAt: end } })) && (await this.leases.extend(resource, holder, end)),
      run: async (lease, stopping) => {
        await this.#do(task, lease, stopping);
        if (lease.held) await this.#step(mine, { $set: { state: 'done' }, $unset: { dueAt: 1 } });
      },
      release: async () => {
        this.asked.release++;
        await this.leases.release(resource, holder);
      },
    };
  }

  /** Under the lease of the resource: what was interrupted goes first. */
  async #next(resource: string, now: Date): Promise<Task | null> {
    const interrupted = await this.tasks.findOne({ resource, state: 'running' }).lean();
    if (interrupted) return interrupted.dueAt! <= now ? interrupted : null;
    return await this.tasks
      .findOne({ resource, dueAt: { $lte: now } })
      .sort({ dueAt: 1 })
      .lean();
  }

  async #step(where: object, update: object): Promise<boolean> {
    return (await this.tasks.updateOne(where, update)).matchedCount === 1;
  }
}

const mongodb = await useMongoDb();
/** Two processes' databases: of the embedded one, which one process has alone, the same. */
const engines: [string, () => Promise<[Database, Database]>][] = [
  [
    'embedded',
    async () => {
      const database = await openDatabase(`embedded:${temporaryFolder('pool')}`);
      return [database, database];
    },
  ],
  ...(mongodb
    ? ([
        [
          mongodb.engine,
          async () => {
            const url = databaseUrl(mongodb, `pool-${randomUUID()}`);
            return [await openDatabase(url), await openDatabase(url)];
          },
        ],
      ] as typeof engines)
    : []),
];

describe.each(engines)('leased work on %s', (_, open) => {
  let databases: [Database, Database];
  const started: Worker[] = [];
  beforeAll(async () => {
    databases = await open();
    for (const database of databases) new Worker(database, () => Promise.resolve());
    for (const database of databases) await database.ready();
  });
  afterEach(async () => {
    await Promise.all(started.splice(0).map((worker) => worker.pool.stop()));
    const { tasks, leases } = worker(() => Promise.resolve());
    started.splice(0);
    await tasks.deleteMany({});
    await leases.releaseAll();
  });
  afterAll(async () => {
    for (const database of new Set(databases)) await database.close();
  });

  const worker = (run: Do, options: Partial<LeasedPoolOptions> = {}, process: 0 | 1 = 0): Worker => {
    const made = new Worker(databases[process], run, options);
    started.push(made);
    return made;
  };
  const queue = async (resource: string, count: number, task: Partial<Task> = {}): Promise<string[]> => {
    const now = await databases[0].now();
    const tasks = Array.from({ length: count }, (_, i) => ({
      ...{ _id: newId(), resource, state: 'queued', generation: 0, dueAt: new Date(now.getTime() - 1_000 + i) },
      ...task,
    }));
    await databases[0].model<Task>('tasks', schema).insertMany(tasks);
    return tasks.map(({ _id }) => _id);
  };
  const isEmpty = (of: Worker, filter: object = {}) =>
    vi.waitFor(async () => expect(await of.tasks.countDocuments({ state: { $ne: 'done' }, ...filter })).toBe(0), {
      timeout: 15_000,
      interval: 20,
    });
  /** As another process leaves it that has just taken the resource. */
  const leaseElsewhere = async (of: Worker, resource: string, milliseconds: number): Promise<void> => {
    const now = await databases[0].now();
    const until = new Date(now.getTime() + milliseconds);
    expect(await of.leases.take(resource, 'another process', { now, until })).toBe(true);
  };

  test('two workers do each task once, one of a resource at a time, as many resources at once as they may', async () => {
    const ids = (await Promise.all(Array.from({ length: 10 }, (_, i) => queue(`r${i}`, 5)))).flat();
    const done: string[] = [];
    const busy = new Set<string>();
    const running = { a: 0, b: 0 };
    let full = (): void => undefined;
    const bothFull = new Promise<void>((resolve) => (full = resolve));
    const run =
      (name: 'a' | 'b'): Do =>
      async ({ _id, resource, generation }) => {
        expect.soft(busy.has(resource)).toBe(false);
        expect.soft(generation).toBe(0);
        busy.add(resource);
        expect.soft(++running[name]).toBeLessThanOrEqual(4);
        if (busy.size === 8) full();
        await bothFull;
        await delay(5);
        running[name]--;
        busy.delete(resource);
        done.push(_id);
      };
    const workers = [worker(run('a')), worker(run('b'), {}, 1)];
    for (const { pool } of workers) pool.start();
    await isEmpty(workers[0]!);
    expect(done.toSorted()).toEqual(ids.toSorted());
    expect(workers.flatMap(({ errors }) => errors)).toEqual([]);
  });

  test('a resource that another process has leased does not make a worker spin, and is taken when its lease ends', async () => {
    const done: number[] = [];
    const one = worker(() => Promise.resolve(void done.push(performance.now())), { intervalMs: 30_000 });
    await leaseElsewhere(one, 'busy', 1_500);
    const began = performance.now();
    await queue('busy', 10);
    one.pool.start();
    await delay(1_000);
    expect(one.asked.due).toBeLessThanOrEqual(1);
    expect(one.asked.take).toBe(0);
    await isEmpty(one);
    expect(done[0]! - began).toBeGreaterThan(1_400);
    expect(done[0]! - began).toBeLessThan(5_000);
  });

  test('a worker that loses every race for a resource does not spin either', async () => {
    const one = worker(() => Promise.resolve(), { busy: () => Promise.resolve([]), intervalMs: 200 });
    await leaseElsewhere(one, 'busy', 60_000);
    await queue('busy', 300);
    one.pool.start();
    await delay(1_000);
    expect(one.asked.take).toBeGreaterThan(1);
    expect(one.asked.take).toBeLessThanOrEqual(6);
  });

  test('however many due tasks a busy resource has, the others are done', async () => {
    const one = worker(() => Promise.resolve(), { intervalMs: 30_000 });
    await leaseElsewhere(one, 'leased elsewhere', 60_000);
    await queue('leased elsewhere', 500, { dueAt: new Date(0) });
    await queue('other', 5);
    one.pool.start();
    await isEmpty(one, { resource: 'other' });
    expect(await one.tasks.countDocuments({ state: 'queued' })).toBe(500);
  });

  test('nor does one that this worker itself is busy with: 500 tasks before theirs, and they are done meanwhile', async () => {
    let finish = (): void => undefined;
    const run: Do = ({ resource }) =>
      resource === 'slow' ? new Promise((resolve) => (finish = resolve)) : Promise.resolve();
    const one = worker(run, { intervalMs: 30_000, concurrency: 2 });
    await queue('slow', 500, { dueAt: new Date(0) });
    await queue('other', 5);
    one.pool.start();
    await isEmpty(one, { resource: 'other' });
    expect(one.asked.take).toBe(6);
    await one.tasks.deleteMany({ resource: 'slow', state: 'queued' });
    finish();
  });

  test('a kick finds new work at once', async () => {
    const done: string[] = [];
    const one = worker((task) => Promise.resolve(void done.push(task._id)), { intervalMs: 30_000 });
    one.pool.start();
    await vi.waitFor(() => expect(one.asked.due).toBe(1));
    const ids = await queue('new', 3);
    one.pool.kick();
    await isEmpty(one);
    expect(done).toEqual(ids);
  });

  test('a worker that stalls past its lease finds it lost; another resumes its task before any other of the resource', async () => {
    const ids = await queue('shared', 3);
    const order: string[] = [];
    let stalled: Lease | undefined;
    const times = { leaseMs: 900, heartbeatMs: 300, intervalMs: 50 };
    const down = worker(
      async (_task, lease) => {
        stalled = lease;
        await new Promise((resolve) => lease.lost.addEventListener('abort', resolve));
      },
      // Its database does not answer any more once it has taken its task.
      { ...times, now: async () => (stalled ? Promise.reject(new Error('no answer')) : await databases[0].now()) },
    );
    down.pool.start();
    await vi.waitFor(() => expect(stalled).toBeDefined());
    // Queued later, due earlier: what was interrupted goes first all the same.
    ids.push(...(await queue('shared', 1, { dueAt: new Date(0) })));
    let heldWhileAnotherRuns = false;
    const other = worker(
      (task) => {
        heldWhileAnotherRuns ||= stalled!.held;
        return Promise.resolve(void order.push(task._id));
      },
      times,
      1,
    );
    other.pool.start();
    await isEmpty(other);
    expect(order).toEqual([ids[0], ids[3], ids[1], ids[2]]);
    expect(heldWhileAnotherRuns).toBe(false);
    expect(stalled!.held).toBe(false);
    await Promise.all([down.pool.stop(), other.pool.stop()]);
    expect(down.asked.release).toBe(0);
    expect(other.asked.release).toBe(4);
    expect((await other.tasks.findById(ids[0]).lean())!.generation).toBe(2);
  });

  test('a long run keeps its lease by heartbeats, against a worker that waits for it', async () => {
    await queue('long', 1);
    let held: boolean | undefined;
    const times = { leaseMs: 900, heartbeatMs: 300, intervalMs: 50 };
    const long: Do = async (_task, lease) => {
      await delay(2_000);
      held = lease.held;
    };
    const one = worker(long, times);
    one.pool.start();
    await vi.waitFor(() => expect(one.asked.take).toBe(1));
    const stolen: string[] = [];
    const other = worker((task) => Promise.resolve(void stolen.push(task._id)), times, 1);
    other.pool.start();
    await isEmpty(one);
    expect(held).toBe(true);
    expect(stolen).toEqual([]);
    expect(other.asked.take).toBe(0);
  });

  test('a run that throws leaves its resource to the lease, one that cannot be taken is left alone for a while', async () => {
    await queue('throws', 2);
    await queue('cannot be taken', 1);
    await queue('fine', 2);
    const run: Do = ({ resource }) =>
      resource === 'throws' ? Promise.reject(new Error('interrupted')) : Promise.resolve();
    const one = worker(run, { intervalMs: 50 });
    const take = one.leases.take.bind(one.leases);
    let tries = 0;
    one.leases.take = async (resource, ...rest) => {
      if (resource !== 'cannot be taken') return await take(resource, ...rest);
      tries++;
      throw new Error('no answer');
    };
    const began = performance.now();
    one.pool.start();
    await isEmpty(one, { resource: 'fine' });
    await delay(400);
    await one.pool.stop();
    // The first back-off is half a second at least; looks are every 50 ms.
    expect(tries).toBeLessThanOrEqual(1 + (performance.now() - began) / 500);
    expect(new Set(one.errors.map(({ resource }) => resource))).toEqual(new Set(['cannot be taken', 'throws']));
    expect(one.errors.filter(({ resource }) => resource === 'throws')).toHaveLength(1);
    const now = await databases[0].now();
    expect((await one.leases.taken(now)).map(({ resource }) => resource)).toEqual(['throws']);
  });

  test('stop tells what runs, waits for it, gives its resource back, and takes nothing more', async () => {
    await queue('r', 2);
    let [begun, ended] = [0, 0];
    const run: Do = async (_task, _lease, stopping) => {
      begun++;
      await new Promise((resolve) => stopping.addEventListener('abort', resolve));
      await delay(50);
      ended++;
    };
    const one = worker(run);
    one.pool.start();
    await vi.waitFor(() => expect(begun).toBe(1), { timeout: 10_000 });
    await one.pool.stop();
    expect(ended).toBe(1);
    expect(await one.tasks.countDocuments({ state: 'queued' })).toBe(1);
    expect(await one.leases.taken(await databases[0].now())).toEqual([]);
  });
});

describe.each(engines)('leases of resources on %s', (_, open) => {
  test('one holder at a time; who lost a lease neither extends nor releases the next one', async () => {
    const [database, other] = await open();
    const leases = new ResourceLeases(database, 'resource_leases');
    const elsewhere = new ResourceLeases(other, 'resource_leases');
    await database.ready();
    const now = await database.now();
    const at = (seconds: number) => new Date(now.getTime() + seconds * 1_000);
    const takes = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        (i % 2 ? leases : elsewhere).take('r', `holder ${i}`, { now, until: at(30) }),
      ),
    );
    expect(takes.filter(Boolean)).toHaveLength(1);
    const first = `holder ${takes.indexOf(true)}`;
    expect(await leases.taken(now)).toEqual([{ resource: 'r', until: at(30) }]);
    expect(await leases.extend('r', first, at(40))).toBe(true);
    expect(await elsewhere.take('r', 'second', { now: at(39), until: at(70) })).toBe(false);
    expect(await elsewhere.take('r', 'second', { now: at(40), until: at(70) })).toBe(true);
    expect(await leases.extend('r', first, at(99))).toBe(false);
    await leases.release('r', first);
    expect(await leases.taken(at(69))).toEqual([{ resource: 'r', until: at(70) }]);
    expect(await leases.taken(at(70))).toEqual([]);
    await leases.release('r', 'second');
    expect(await leases.take('r', 'third', { now, until: at(30) })).toBe(true);
    await leases.releaseAll();
    expect(await leases.taken(now)).toEqual([]);
    for (const one of new Set([database, other])) await one.close();
  });
});
