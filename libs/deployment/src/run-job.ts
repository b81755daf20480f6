import { AppError } from '@certferry/core';
import type { DeploymentContext } from './deployment-context.ts';
import type { OpenStore, PreparedChange } from '@certferry/store-drivers';
import { backoff, isRetryable, MAX_ATTEMPTS, type Job, type JobState, type Transition } from './job.ts';
import { toStoreChange, withStore } from './store-change.ts';

/** Thrown when a step matched nothing: another worker has the job, and this one must not touch anything. */
class LeaseLost extends Error {}

/** What the lease says while the job runs. */
export interface LeaseWatch {
  /** Whether heartbeats still come through. */
  readonly held: boolean;
}

/**
 * One attempt at a leased job, from where the last one stopped: reads the store back, records what it holds and will
 * hold, writes, reads it back, and ends in done, retry, dead, drifted or cancelled. Throws nothing: a lost lease ends it.
 */
export async function runJob(context: DeploymentContext, leased: Job, lease: LeaseWatch): Promise<void> {
  const attempt = new Attempt(context, leased, lease);
  try {
    await attempt.run();
  } catch (error) {
    if (error instanceof LeaseLost) return;
    await attempt.fail(error);
  }
}

class Attempt {
  readonly #context: DeploymentContext;
  readonly #lease: LeaseWatch;
  #job: Job;

  constructor(context: DeploymentContext, job: Job, lease: LeaseWatch) {
    this.#context = context;
    this.#job = job;
    this.#lease = lease;
  }

  async run(): Promise<void> {
    if (await this.#context.jobs.isSuperseded(this.#job)) {
      return await this.#step('cancelled', { message: 'A later job for the same place has succeeded.' });
    }
    await withStore(this.#context, this.#job.storeId, (open) => this.#change(open));
  }

  async #change(open: OpenStore): Promise<void> {
    await open.cleanUp();
    const { intent } = this.#job;
    if (intent) {
      const revision = await open.revision();
      if (revision === intent.newDigest)
        return await this.#finish(open, { newRevision: intent.newDigest, changes: intent.changes });
      if (revision !== intent.oldDigest) {
        return await this.#step('drifted', {
          message:
            'The store holds neither what it held before this job nor what the job writes. Nothing was overwritten; retry the job to decide anew.',
        });
      }
    }
    const prepared = await open.prepare(await toStoreChange(this.#context, this.#job));
    if (prepared.changes.length === 0)
      return await this.#step('done', {
        message: 'The store already is as asked.',
        set: { changes: [] },
        unset: ['error', 'intent'],
      });
    await this.#write(prepared);
    await this.#step('written', {});
    await this.#finish(open, prepared);
  }

  async #write(prepared: PreparedChange): Promise<void> {
    const { oldRevision: oldDigest, newRevision: newDigest, changes } = prepared;
    await this.#step('intent', { set: { intent: { oldDigest, newDigest, changes } } });
    if (!this.#lease.held) throw new LeaseLost();
    await prepared.write();
  }

  /** Reads the store as a stranger would, and ends the job. */
  async #finish(open: OpenStore, intent: Pick<PreparedChange, 'newRevision' | 'changes'>): Promise<void> {
    const { action, alias, fingerprintSha256 } = this.#job;
    const entries = await open.entries();
    const held = entries.find((entry) => entry.alias.toLowerCase() === alias.toLowerCase());
    const asAsked = action === 'add' ? held?.facts.fingerprintSha256 === fingerprintSha256 : held === undefined;
    if (!asAsked || (await open.revision()) !== intent.newRevision) {
      throw new AppError({
        code: 'ABORTED',
        reason: 'NOT_AS_WRITTEN',
        message: 'Reading the store back did not find what was written.',
      });
    }
    await open.cleanUp();
    await this.#step('verified', {});
    await this.#step('done', { set: { changes: intent.changes }, unset: ['error', 'intent'] });
  }

  async #step(state: JobState, step: Omit<Transition, 'state' | 'at'>): Promise<void> {
    const next = await this.#context.jobs.step(this.#job, { ...step, state, at: this.#context.clock.now() });
    if (!next) throw new LeaseLost();
    this.#job = next;
  }

  /** retry with back-off, or dead: for an error that needs a person, and after ten attempts. */
  async fail(thrown: unknown): Promise<void> {
    const { jobs, logger, clock } = this.#context;
    const known = thrown instanceof AppError;
    if (!known || thrown.code === 'INTERNAL')
      logger.error({ err: thrown, jobId: this.#job._id }, 'job failed unexpectedly');
    const error = known
      ? thrown
      : new AppError({
          code: 'INTERNAL',
          reason: 'INTERNAL',
          message: 'Something went wrong inside Certferry; the log has the job id.',
        });
    const retryable = isRetryable(error);
    const now = clock.now();
    const recorded = { reason: error.reason, message: error.message, retryable };
    const again = retryable && this.#job.attempts < MAX_ATTEMPTS;
    const step: Transition = again
      ? {
          state: 'retry',
          at: now,
          message: error.message,
          set: { error: recorded, dueAt: new Date((await this.#now()).getTime() + backoff(this.#job.attempts)) },
        }
      : { state: 'dead', at: now, message: error.message, set: { error: recorded } };
    await jobs.step(this.#job, step);
  }

  async #now(): Promise<Date> {
    return await this.#context.database.now();
  }
}
