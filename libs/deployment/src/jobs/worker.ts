import { newId } from '@certferry/core';
import { backgroundContext, withCallContext } from '@certferry/rpc';
import { LeasedPool, type Taken } from '@certferry/work';
import type { DeploymentContext } from '../deployment-context.ts';
import type { Job } from './job.ts';
import { runJob } from './run-job.ts';

/** Runs due jobs, several stores at a time, one job a store. */
export class Worker {
  readonly #context: DeploymentContext;
  readonly #pool: LeasedPool;

  constructor(context: DeploymentContext, concurrency: number) {
    this.#context = context;
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

  /** Takes no more jobs and waits for those that run. */
  stop = (): Promise<void> => this.#pool.stop();

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
      run: (lease) =>
        withCallContext(asRequester(job), () => runJob(this.#context, job, lease)).finally(this.#context.saved),
      release,
    };
  }

  async #lease(storeId: string, { now, until }: { now: Date; until: Date }): Promise<Job | undefined> {
    const { jobs, clock, saved } = this.#context;
    for (;;) {
      const job = await jobs.nextOf(storeId, now);
      if (!job) return undefined;
      const set = { generation: job.generation + 1, attempts: job.attempts + 1, dueAt: until };
      const leased = await jobs.step(job, { state: 'leased', at: clock.now(), set });
      // Else somebody cancelled it meanwhile: the next one, then.
      if (!leased) continue;
      saved();
      return leased;
    }
  }
}

/** What a job does is done for who asked for it, under the id of that request. */
const asRequester = ({ requestedBy = '', requestId }: Job) =>
  backgroundContext({ principal: { id: requestedBy }, ...(requestId !== undefined && { requestId }) });
