import type { Database } from '@certferry/database';
import { backgroundContext, withCallContext } from '@certferry/rpc';
import type { Logger } from '@certferry/runtime';
import { LeasedPool, type Taken } from '@certferry/work';
import type { BulkImports } from './bulk-imports.ts';
import type { Archives } from './archives.ts';
import { takeIn, type TakeInContext } from './take-in.ts';

export interface BulkWorkerContext extends TakeInContext {
  database: Database;
  logger: Logger;
}

/** Archives that are older and belong to no import were being sent when a process ended. */
const FORGOTTEN_MS = 3_600_000;

/** Takes archives in, one after another. */
export class BulkWorker {
  readonly #context: BulkWorkerContext;
  readonly #pool: LeasedPool;

  constructor(context: BulkWorkerContext, lease: { leaseMs?: number; heartbeatMs?: number } = {}) {
    const { database, bulkImports, logger } = context;
    this.#context = context;
    this.#pool = new LeasedPool({
      ...lease,
      concurrency: 1,
      now: () => database.now(),
      due: (look) => bulkImports.due(look),
      take: (importId, time) => this.#take(importId, time),
      onError: (error, importId) => logger.warn({ err: error, importId }, 'a bulk import was left to its lease'),
    });
  }

  async start(): Promise<void> {
    const { database, bulkImports } = this.#context;
    const now = await database.now();
    if (database.exclusive) await bulkImports.freeLeased(now);
    await deleteForgotten(this.#context, now);
    this.#pool.start();
  }

  /** Says that there may be a new import. */
  kick = (): void => this.#pool.kick();

  /** Waits for the batch that is under way; the rest of its import is the next worker's. */
  async stop(): Promise<void> {
    await this.#pool.stop();
  }

  async #take(importId: string, time: { now: Date; until: Date }): Promise<Taken | undefined> {
    const { bulkImports, database } = this.#context;
    const one = await bulkImports.lease(importId, time);
    if (!one) return undefined;
    // What it calls knows on whose behalf.
    const context = backgroundContext({
      principal: { id: one.caller },
      ...(one.requestId && { requestId: one.requestId }),
    });
    return {
      extend: (until) => bulkImports.leaseUntil(one, until),
      run: (lease, stopping) => withCallContext(context, () => takeIn(this.#context, one, { lease, stopping })),
      release: async () => void (await bulkImports.leaseUntil(one, await database.now())),
    };
  }
}

async function deleteForgotten(
  { archives, bulkImports }: { archives: Archives; bulkImports: BulkImports },
  now: Date,
): Promise<void> {
  const old = await archives.olderThan(new Date(now.getTime() - FORGOTTEN_MS));
  const pending = new Set(await bulkImports.pendingOf(old));
  for (const importId of old) if (!pending.has(importId)) await archives.delete(importId);
}
