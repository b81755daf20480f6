import { newId } from '@certferry/core';
import { backgroundContext, withCallContext } from '@certferry/rpc';
import { LeasedPool, type Lease, type Taken } from '@certferry/work';
import type { DeploymentContext } from '../deployment-context.ts';
import { MAX_ATTEMPTS, type Job } from './job.ts';
import { ParkedStores } from './parked-stores.ts';
import { runJob } from './run-job.ts';
import { watchAccess } from './watch-access.ts';
import { withStore } from '../stores/open-store.ts';

export interface WorkerOptions {
  /** How long running jobs have to end when the worker stops. Default: 5 seconds. */
  graceMs?: number;
  /** A job whose store does not answer for so long leaves its place to another. Default: 2 seconds. */
  silentMs?: number;
  /** How long a probe of a parked store may take. Default: 10 seconds. */
  probeMs?: number;
  /** The wait before the first probe. Default: 10 seconds. */
  firstProbeMs?: number;
}

/** Runs due jobs, several stores at a time, one job a store. */
export class Worker {
  readonly #context: DeploymentContext;
  readonly #pool: LeasedPool;
  readonly #options: Required<WorkerOptions>;
  /** Aborted when the grace is over: a store that hangs does not keep the process. */
  readonly #graceOver = new AbortController();
  /** Aborted when the worker stops: nobody waits for its probes. */
  readonly #stopping = new AbortController();

  /** Stores that hang. */
  readonly #parked: ParkedStores;
  /** Running jobs whose stores do not answer at the moment. */
  #silent = 0;

  constructor(context: DeploymentContext, concurrency: number, options: WorkerOptions = {}) {
    this.#context = context;
    this.#options = { graceMs: 5_000, silentMs: 2_000, probeMs: 10_000, firstProbeMs: 10_000, ...options };
    const { jobs, storeLeases, database, logger } = context;
    this.#parked = new ParkedStores({
      probe: (storeId) => this.#probe(storeId),
      onFree: () => this.kick(),
      logger,
      firstMs: this.#options.firstProbeMs,
    });
    this.#pool = new LeasedPool({
      concurrency,
      // As many again at most: each of them is a process.
      aside: () => Math.min(this.#silent, concurrency),
      now: () => database.now(),
      due: ({ excluding, ...look }) => jobs.dueStores({ ...look, excluding: [...excluding, ...this.#parked.ids] }),
      busy: async (now) => [...(await storeLeases.taken(now)), ...(await jobs.heldStores(now))],
      take: (storeId, time) => this.#take(storeId, time),
      onError: (error, storeId) =>
        storeId === undefined
          ? logger.warn({ err: error }, 'cannot look for jobs')
          : logger.warn({ err: error, storeId }, 'a job was left to its lease'),
    });
  }

  async start(): Promise<void> {
    const { database, storeLeases, jobs } = this.#context;
    if (database.exclusive) {
      await storeLeases.releaseAll();
      await jobs.freeLeased(await database.now());
    }
    this.#pool.start();
  }

  /** Looks for due jobs now. */
  kick = (): void => this.#pool.kick();

  /** Takes no more jobs and waits for those that run; what has not ended after the grace is left to its lease. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#parked.stop();
    const grace = setTimeout(() => this.#graceOver.abort(), this.#options.graceMs);
    await this.#pool.stop();
    clearTimeout(grace);
  }

  /** Stores that hang, and whose jobs wait. */
  get parked(): number {
    return this.#parked.ids.length;
  }

  /** The store is opened and read, as a job of it would begin. */
  async #probe(id: string): Promise<void> {
    const deadline = new Date(Date.now() + this.#options.probeMs);
    await withCallContext({ ...backgroundContext({ principal: { id: '' } }), deadline }, () =>
      withStore(this.#context, { id, stop: this.#stopping.signal }, async (open) => void (await open.revision())),
    );
  }

  /** Leases a store, then the one of its jobs that goes first. */
  async #take(storeId: string, time: { now: Date; until: Date }): Promise<Taken | undefined> {
    const { storeLeases, jobs } = this.#context;
    const holder = newId();
    if (!(await storeLeases.take(storeId, holder, time))) return undefined;
    const job = await this.#lease(storeId, time);
    const release = () => storeLeases.release(storeId, holder);
    if (!job) {
      await release();
      return undefined;
    }
    return {
      extend: async (until) => (await jobs.extend(job, until)) && (await storeLeases.extend(storeId, holder, until)),
      run: (lease) => this.#run(job, lease),
      release,
    };
  }

  async #run(job: Job, lease: Lease): Promise<void> {
    const { access, jobs, saved } = this.#context;
    const cancelled = new AbortController();
    const unwatch = jobs.watch.onCancel(job._id, () => cancelled.abort());
    const lost = AbortSignal.any([lease.lost, this.#graceOver.signal, cancelled.signal]);
    const held = () => lease.held && !lost.aborted;
    const watched = watchAccess(access, {
      silentMs: this.#options.silentMs,
      onSilence: (silent) => {
        this.#silent += silent ? 1 : -1;
        if (silent) this.kick();
      },
      onHang: () => this.#parked.park(job.storeId),
    });
    const run = () => runJob({ ...this.#context, access: watched }, job, { held, lost });
    await withCallContext(asRequester(job), run).finally(() => (unwatch(), saved()));
  }

  async #lease(storeId: string, { now, until }: { now: Date; until: Date }): Promise<Job | undefined> {
    const { jobs, clock, saved } = this.#context;
    for (;;) {
      const job = await jobs.nextOf(storeId, now);
      if (!job) return undefined;
      if (job.attempts >= MAX_ATTEMPTS) {
        await this.#giveUp(job);
        continue;
      }
      const set = { generation: job.generation + 1, attempts: job.attempts + 1, dueAt: until };
      const leased = await jobs.step(job, { state: 'leased', at: clock.now(), set });
      // Else somebody cancelled it meanwhile: the next one, then.
      if (!leased) continue;
      saved();
      return leased;
    }
  }

  /** Of a job whose last attempt said nothing: it may be what ends the process each time. */
  async #giveUp(job: Job): Promise<void> {
    const { jobs, clock, saved } = this.#context;
    const message = `None of ${MAX_ATTEMPTS} attempts has come to an end: the process ended first, or lost its lease.`;
    const error = { reason: 'INTERRUPTED', message, retryable: false };
    if (await jobs.step(job, { state: 'dead', at: clock.now(), message, set: { error } })) saved();
  }
}

/** What a job does is done for who asked for it, under the id of that request. */
const asRequester = ({ requestedBy = '', requestId }: Job) =>
  backgroundContext({ principal: { id: requestedBy }, ...(requestId !== undefined && { requestId }) });
