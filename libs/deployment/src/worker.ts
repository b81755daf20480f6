import { AsyncResource } from 'node:async_hooks';
import { followJob } from './create-deployment.ts';
import type { DeploymentContext } from './deployment-context.ts';
import { HEARTBEAT_MS, LEASE_MS, type Job } from './job.ts';
import { runJob } from './run-job.ts';

const POLL_MS = 1_000;
const LOOK_AHEAD = 200;

/** Takes due jobs and runs them, several stores at a time, one job a store. */
export class Worker {
  readonly #context: DeploymentContext;
  readonly #concurrency: number;
  readonly #running = new Map<string, Promise<void>>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #again = false;
  #stopped = true;

  constructor(context: DeploymentContext, concurrency: number) {
    this.#context = context;
    this.#concurrency = concurrency;
  }

  async start(): Promise<void> {
    const { database, stores, jobs } = this.#context;
    if (database.exclusive) {
      await stores.releaseAll();
      await jobs.freeLeased(await database.now());
    }
    this.#stopped = false;
    this.kick();
  }

  /** Looks for due jobs now. */
  // Not in the context of the call that kicks: the worker outlives it.
  kick = AsyncResource.bind((): void => {
    if (this.#stopped) return;
    if (this.#looking) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#looking = this.#look()
      .catch((error: unknown) => this.#context.logger.warn({ err: error }, 'cannot look for jobs'))
      .finally(() => {
        this.#looking = undefined;
        if (this.#again) {
          this.#again = false;
          this.kick();
        } else if (!this.#stopped) this.#timer = setTimeout(this.kick, POLL_MS);
      });
  });

  async #look(): Promise<void> {
    const { jobs, database } = this.#context;
    for (const job of await jobs.ended(LOOK_AHEAD)) await followJob(this.#context, job);
    if (this.#running.size >= this.#concurrency) return;
    for (const job of await jobs.due(await database.now(), LOOK_AHEAD)) {
      if (this.#stopped || this.#running.size >= this.#concurrency) return;
      if (this.#running.has(job.storeId)) continue;
      const run = this.#take(job)
        .catch((error: unknown) =>
          this.#context.logger.warn({ err: error, jobId: job._id }, 'a job was left to its lease'),
        )
        .finally(() => {
          this.#running.delete(job.storeId);
          this.kick();
        });
      this.#running.set(job.storeId, run);
    }
  }

  /** Leases store and job, runs an attempt, gives the store back. */
  async #take(job: Job): Promise<void> {
    const { stores, jobs, database, clock, saved } = this.#context;
    const now = await database.now();
    const until = new Date(now.getTime() + LEASE_MS);
    if (!(await stores.lease(job.storeId, job._id, { now, until }))) return;
    try {
      const set = { generation: job.generation + 1, attempts: job.attempts + 1, dueAt: until };
      const leased = await jobs.step(job, { state: 'leased', at: clock.now(), set });
      if (!leased) return;
      saved();
      const lease = new Heartbeat(this.#context, leased);
      try {
        await runJob(this.#context, leased, lease);
      } finally {
        lease.stop();
      }
      saved();
    } finally {
      await stores.release(job.storeId, job._id);
    }
  }

  /** Takes no more jobs and waits for those that run. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await Promise.all(this.#running.values());
  }
}

/** Extends the leases of a running job; after two that failed the job stops itself. */
class Heartbeat {
  readonly #timer: NodeJS.Timeout;
  #failures = 0;
  #lost = false;

  constructor(context: DeploymentContext, job: Job) {
    this.#timer = setInterval(() => {
      this.#beat(context, job).then(
        (held) => {
          this.#failures = 0;
          this.#lost ||= !held;
        },
        () => this.#failures++,
      );
    }, HEARTBEAT_MS);
  }

  async #beat({ jobs, stores, database }: DeploymentContext, job: Job): Promise<boolean> {
    const until = new Date((await database.now()).getTime() + LEASE_MS);
    return (await jobs.extend(job, until)) && (await stores.extend(job.storeId, job._id, until));
  }

  get held(): boolean {
    return !this.#lost && this.#failures < 2;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
