import type { Event } from '@certferry/events';
import { backgroundContext, withCallContext } from '@certferry/rpc';
import { Loop } from '@certferry/work';
import type { DeploymentContext } from '../deployment-context.ts';
import { findAllRenewals } from './find-renewals.ts';
import { createRenewalJobs } from './renew.ts';
import { dueAt, isAutomatic, placeKey, type Renewal } from './renewal.ts';

const INTERVAL_MS = 30_000;
const KEYS = 'automatic:';
/** Changes of a certificate that may make it the one to deploy. */
const CHANGES = ['replaces', 'key', 'enabled'];

/** Puts newer certificates into the stores that say "automatic". A place gets one job of a certificate, however often it looks. */
export class RenewalWorker {
  readonly #context: DeploymentContext;
  readonly #loop: Loop;

  constructor(context: DeploymentContext) {
    this.#context = context;
    this.#loop = new Loop({
      round: (stopping) => this.#renewDue(stopping),
      intervalMs: INTERVAL_MS,
      onError: (error) => context.logger.warn({ err: error }, 'cannot look for renewals'),
    });
  }

  start = (): void => this.#loop.start();
  stop = (): Promise<void> => this.#loop.stop();

  /** Looks at once where an event may have to do with it; whoever misses one looks a little later. */
  hear = ({ type, data }: Event): void => {
    const changes = (data as { changes?: string[] }).changes ?? [];
    if (type === 'certferry.inventory.certificate.updated' && changes.some((one) => CHANGES.includes(one)))
      this.#loop.kick();
  };

  /** Answers in how many milliseconds the next one is due. */
  async #renewDue(stopping: AbortSignal): Promise<number> {
    const now = this.#context.clock.now();
    let wait = Infinity;
    for await (const page of findAllRenewals(this.#context)) {
      if (stopping.aborted) break;
      const waiting = page.filter(isAutomatic);
      for (const one of waiting) if (dueAt(one) > now) wait = Math.min(wait, dueAt(one).getTime() - now.getTime());
      await this.#create(waiting.filter((one) => dueAt(one) <= now));
    }
    return wait;
  }

  async #create(due: Renewal[]): Promise<void> {
    const { jobs, logger } = this.#context;
    const made = new Set(await jobs.takenKeys(due.map((one) => KEYS + placeKey(one))));
    const left = due.filter((one) => !made.has(KEYS + placeKey(one)));
    for (const certificateId of new Set(left.map(({ successor }) => successor.id))) {
      const renewals = left.filter(({ successor }) => successor.id === certificateId);
      const create = () => createRenewalJobs(this.#context, renewals, KEYS);
      try {
        await withCallContext(backgroundContext({ principal: { id: '' } }), create);
        logger.info({ certificateId, stores: renewals.map(({ store }) => store._id) }, 'renews without being asked');
      } catch (error) {
        // What is wrong with one certificate must not keep the others from their stores.
        logger.warn({ err: error, certificateId }, 'cannot renew');
      }
    }
  }
}
