import { newId } from '@certferry/core';
import { backgroundContext, withCallContext } from '@certferry/rpc';
import { LeasedPool, type Taken } from '@certferry/work';
import type { DeploymentContext } from '../deployment-context.ts';
import { MAX_ATTEMPTS, type Job } from './job.ts';
import { runJob } from './run-job.ts';

/** How long running jobs have to end when the worker stops. */
const STOP_GRACE_MS = 5_000;

/** Runs due jobs, several stores at a time, one job a store. */
export class Worker {
  readonly #context: DeploymentContext;
  readonly #pool: LeasedPool;
  readonly #graceMs: number;
  /** Aborted when the grace is over: a store that hangs does not keep the process. */
  readonly #graceOver = new AbortController();

  constructor(context: DeploymentContext, concurrency: number, graceMs = STOP_GRACE_MS) {
    this.#context = context;
    this.#graceMs = graceMs;
    const { jobs, storeLeases, database, logger } = context;
    this.#pool = new LeasedPool({
      concurrency,
      now: () => database.now(),
      due: (look) => jobs.dueStores(look),
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
    const grace = setTimeout(() => this.#graceOver.abort(), this.#graceMs);
    await this.#pool.stop();
    clearTimeout(grace);
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
      run: async (lease) => {
        const lost = AbortSignal.any([lease.lost, this.#graceOver.signal]);
        const held = () => lease.held && !lost.aborted;
        const run = () => runJob(this.#context, job, { held, lost });
        await withCallContext(asRequester(job), run).finally(this.#context.saved);
      },
      release,
    };
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
