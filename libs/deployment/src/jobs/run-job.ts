import { AppError, precondition } from '@certferry/core';
import type { OpenStore, PreparedChange, StoreEntry, StoreNote } from '@certferry/store-drivers';
import { backoff } from '@certferry/work';
import type { DeploymentContext } from '../deployment-context.ts';
import { lookAfterJob } from '../looks/look-step.ts';
import { toStoreChange } from '../deployments/store-change.ts';
import { runJobHooks, type Visit } from '../hooks/run-job-hooks.ts';
import { undo } from '../hooks/undo.ts';
import { assessChange } from '../policies/assess-change.ts';
import type { Finding } from '../policies/finding.ts';
import { keepAfterJob } from '../places/keep-content.ts';
import { isAlias } from '../places/store-content.ts';
import { checkReplaced } from '../renewals/check-replaced.ts';
import { withStore } from '../stores/open-store.ts';
import type { Store } from '../stores/store.ts';
import { keepVersion, pruneVersions } from '../versions/keep-version.ts';
import { prepareRollback } from '../versions/restore-change.ts';
import { loggedJob } from './log-job-end.ts';
import { isFinal, isRetryable, MAX_ATTEMPTS, type Job, type JobError, type JobState, type Transition } from './job.ts';

/** Thrown when another worker may have the job: this one must not touch anything any more. */
class LeaseLost extends Error {}

/** What an attempt asks of its lease. */
export interface AttemptLease {
  /** Whether nobody else can have the job; asked right before the write. */
  held: () => boolean;
  /** Aborted when the attempt has to end where it is. */
  lost: AbortSignal;
}

/**
 * One attempt at a leased job, from where the last one stopped: reads the store back, records what it holds and will
 * hold, writes, reads it back, and ends in done, retry, dead, drifted or cancelled. A lost lease ends it where it is.
 * Throws only what keeps it from recording how the attempt ended.
 */
export async function runJob(context: DeploymentContext, leased: Job, lease: AttemptLease): Promise<void> {
  const attempt = new Attempt(context, leased, lease);
  try {
    await attempt.run();
  } catch (error) {
    if (error instanceof LeaseLost || lease.lost.aborted) return;
    await attempt.fail(error);
  }
}

class Attempt {
  readonly #context: DeploymentContext;
  readonly #lease: AttemptLease;
  #job: Job;
  #findings: Finding[] | undefined;
  /** Where the store named the entry otherwise than the job. */
  #alias: string | undefined;

  constructor(context: DeploymentContext, job: Job, lease: AttemptLease) {
    this.#context = context;
    this.#job = job;
    this.#lease = lease;
  }

  async run(): Promise<void> {
    // What was begun is read back first: it may stand half done in the store.
    if (!this.#job.intent && (await this.#isSuperseded())) return;
    await withStore(this.#context, { id: this.#job.storeId, stop: this.#lease.lost }, (open, store) =>
      this.#change(this.#visit(open, store)),
    );
  }

  #visit(open: OpenStore, store: Store): Visit {
    const [context, signal] = [this.#context, this.#lease.lost];
    const ensureHeld = () => this.#ensureHeld();
    return { context, open, store, signal, ensureHeld, job: () => this.#job, step: (...step) => this.#step(...step) };
  }

  #ensureHeld(): void {
    if (!this.#lease.held()) throw new LeaseLost();
  }

  async #change(visit: Visit): Promise<void> {
    const { open } = visit;
    await open.cleanUp();
    const { intent } = this.#job;
    if (intent?.failure) return await undo(visit, intent.failure);
    if (intent) {
      const revision = await open.revision();
      if (revision === intent.newDigest)
        return await this.#finish(visit, { newRevision: intent.newDigest, changes: intent.changes });
      if (revision !== intent.oldDigest) {
        return await this.#step('drifted', {
          message:
            'The store holds neither what it held before this job nor what the job writes. Nothing was overwritten; retry the job to decide anew.',
        });
      }
      if (await this.#isSuperseded()) return;
      this.#forgetIntent();
    }
    const { prepared, forced } = await this.#prepare(visit);
    if (prepared.changes.length === 0) return await this.#asAsked(visit);
    const notes = [...(prepared.notes ?? []), ...(await this.#write(visit, prepared, forced))];
    await this.#step('written', { message: notes.map(({ message }) => message).join(' ') });
    await this.#finish(visit, prepared);
  }

  async #prepare({ open, store }: Visit): Promise<{ prepared: PreparedChange; forced: string }> {
    const { action } = this.#job;
    // What was there before was accepted once; a person who wants it back need not argue again.
    if (action === 'rollback') return { prepared: await prepareRollback(this.#context, open, this.#job), forced: '' };
    const change = await toStoreChange(this.#context, { ...this.#job, action });
    const prepared = await open.prepare(change);
    this.#takeAlias(prepared.alias);
    checkReplaced(this.#job, prepared.changes);
    const assessed = await assessChange(this.#context, { asked: this.#job, store, change, prepared });
    this.#findings = assessed.findings;
    if (assessed.refusal) throw assessed.refusal;
    return { prepared, forced: assessed.forced };
  }

  /** Nothing to write; but where the job has written before and the hooks have not all succeeded, they run. */
  async #asAsked(visit: Visit): Promise<void> {
    const failure = this.#job.hooksDue && (await runJobHooks(visit, 'after'));
    if (failure) throw precondition(failure.reason, failure.message);
    const message = 'The store already is as asked.';
    await this.#end(visit, await this.#entries(visit.open), { message, changes: [] });
  }

  #takeAlias(alias = this.#job.alias): void {
    if (alias === this.#job.alias) return;
    this.#alias = alias;
    this.#job = { ...this.#job, alias };
  }

  async #isSuperseded(): Promise<boolean> {
    const later = await this.#context.jobs.findSuccessor(this.#job);
    if (!later) return false;
    const message = `A later job for the same place has succeeded: ${later._id}.`;
    const error: JobError = { reason: 'SUPERSEDED', message, retryable: false };
    await this.#step('cancelled', { message, set: { error }, unset: ['intent'] });
    return true;
  }

  async #write(visit: Visit, prepared: PreparedChange, message: string): Promise<StoreNote[]> {
    const { open, store } = visit;
    const { oldRevision: oldDigest, newRevision: newDigest, changes, held } = prepared;
    const version = await keepVersion(visit, held);
    const hooksDue = store.hooks !== undefined && store.hooks.after.length > 0;
    const intent = { oldDigest, newDigest, changes, ...(version !== undefined && { version }) };
    await this.#step('intent', { message, set: { intent, ...(hooksDue && { hooksDue }) } });
    await this.#beforeWrite(visit);
    this.#ensureHeld();
    try {
      return (await prepared.write()) ?? [];
    } catch (error) {
      if ((await open.revision().catch(() => undefined)) === oldDigest) this.#forgetIntent();
      throw error;
    }
  }

  /** What goes wrong before the write leaves nothing to finish. */
  async #beforeWrite(visit: Visit): Promise<void> {
    try {
      await runJobHooks(visit, 'before');
    } catch (error) {
      this.#forgetIntent();
      throw error;
    }
  }

  /** Nothing is half done, so that the store's other jobs need not wait for this one's next try; saved with the next step. */
  #forgetIntent(): void {
    const { intent: _, hooksDue: __, ...job } = this.#job;
    this.#job = job;
  }

  /** Reads the store as a stranger would, and ends the job. */
  async #finish(visit: Visit, intent: Pick<PreparedChange, 'newRevision' | 'changes'>): Promise<void> {
    const { open } = visit;
    const { action, fingerprintSha256 } = this.#job;
    const entries = await this.#entries(open);
    const wanted = action === 'remove' ? undefined : fingerprintSha256 || undefined;
    const found = this.#heldIn(entries)?.facts.fingerprintSha256;
    if (found !== wanted || (await open.revision()) !== intent.newRevision) {
      throw new AppError({
        code: 'ABORTED',
        reason: 'NOT_AS_WRITTEN',
        message: 'Reading the store back did not find what was written.',
      });
    }
    await open.cleanUp();
    await this.#step('verified', {});
    const failure = await runJobHooks(visit, 'after');
    if (failure) return await undo(visit, failure);
    await this.#end(visit, entries, intent);
  }

  async #entries(open: OpenStore): Promise<StoreEntry[]> {
    const { action, fingerprintSha256 } = this.#job;
    const entries = open.entries();
    // What a rollback puts back need not be readable: its revision says that it is back.
    return await (action === 'rollback' && !fingerprintSha256 ? entries.catch(() => []) : entries);
  }

  #heldIn(entries: readonly StoreEntry[]): StoreEntry | undefined {
    return entries.find(({ alias }) => isAlias(alias, this.#job.alias));
  }

  /** done, if what the store holds is served where it says. */
  async #end(
    visit: Visit,
    entries: StoreEntry[],
    { changes, message }: Pick<PreparedChange, 'changes'> & { message?: string },
  ): Promise<void> {
    const signal = this.#lease.lost;
    const held = this.#heldIn(entries);
    const { look, error, onMismatch } = await lookAfterJob(this.#context, this.#job, { held, signal });
    const set = { changes, ...(look && { look }) };
    const at = this.#context.clock.now();
    this.#ensureHeld();
    if (error && onMismatch === 'rollback' && this.#job.intent)
      return await undo(visit, { reason: error.reason, message: error.message, reload: true }, look && { look });
    // Also of a job that then fails: what it wrote is there.
    await keepAfterJob(this.#context, this.#job, { entries, at });
    const unset: (keyof Job)[] = ['intent', 'hooksDue'];
    if (error) await this.#step('dead', { at, message: error.message, set: { ...set, error }, unset });
    else await this.#step('done', { at, message, set, unset: [...unset, 'error'] });
    await pruneVersions(visit);
  }

  async #step(state: JobState, step: Omit<Transition, 'state' | 'at'> & { at?: Date }): Promise<void> {
    const { jobs, clock } = this.#context;
    const named = this.#alias !== undefined && { alias: this.#alias };
    const set = { ...(this.#findings && { findings: this.#findings }), ...named, ...step.set };
    const next = await jobs.step(this.#job, { at: clock.now(), ...step, set, state });
    if (!next) throw new LeaseLost();
    this.#job = next;
  }

  /** retry with back-off, or dead: for an error that needs a person, and after ten attempts. */
  async fail(thrown: unknown): Promise<void> {
    const { database, logger } = this.#context;
    // The job has ended, and what came after, closing the store, changes nothing about that.
    if (isFinal(this.#job)) return logger.warn({ err: thrown, ...loggedJob(this.#job) }, 'after the end of a job');
    const known = thrown instanceof AppError;
    if (!known || thrown.code === 'INTERNAL')
      logger.error({ err: thrown, ...loggedJob(this.#job) }, 'job failed unexpectedly');
    const { reason, message, retryable } = known ? told(thrown) : UNEXPECTED;
    const { attempts, intent } = this.#job;
    const again = retryable && attempts < MAX_ATTEMPTS;
    const error: JobError = { reason, message, retryable };
    const dueAt = again && { dueAt: new Date((await database.now()).getTime() + backoff(attempts)) };
    await this.#step(again ? 'retry' : 'dead', {
      message,
      set: { error, ...dueAt },
      unset: intent ? [] : ['intent', 'hooksDue'],
    }).catch((lost: unknown) => {
      if (!(lost instanceof LeaseLost)) throw lost;
    });
  }
}

const told = (error: AppError): JobError => ({
  reason: error.reason,
  message: error.message,
  retryable: isRetryable(error),
});

const UNEXPECTED: JobError = {
  reason: 'INTERNAL',
  message: 'Something went wrong inside Certferry; the log has the job id.',
  retryable: true,
};
