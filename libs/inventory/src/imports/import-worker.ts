import type { Database } from '@certferry/database';
import { backgroundContext, withCallContext } from '@certferry/rpc';
import type { Logger } from '@certferry/runtime';
import { LeasedPool, type Taken } from '@certferry/work';
import type { Contents } from './contents.ts';
import type { Imports } from './imports.ts';
import { migrateImports } from './migrate-imports.ts';
import { runImport, type RunContext } from './run-import.ts';

export interface ImportWorkerContext extends RunContext {
  database: Database;
  logger: Logger;
}

/** Contents that are older and belong to no job were being sent when a process ended. */
const FORGOTTEN_MS = 3_600_000;
/** A small import does not wait for the end of a large one. */
const CONCURRENCY = 2;

/** Takes the contents of jobs in. */
export class ImportWorker {
  readonly #context: ImportWorkerContext;
  readonly #pool: LeasedPool;

  constructor(context: ImportWorkerContext, lease: { leaseMs?: number; heartbeatMs?: number } = {}) {
    const { database, imports, logger } = context;
    this.#context = context;
    this.#pool = new LeasedPool({
      ...lease,
      concurrency: CONCURRENCY,
      now: () => database.now(),
      due: (look) => imports.due(look),
      take: (importId, time) => this.#take(importId, time),
      onError: (error, importId) => logger.warn({ err: error, importId }, 'an import was left to its lease'),
    });
  }

  async start(): Promise<void> {
    const { database, imports } = this.#context;
    await migrateImports(database, this.#context);
    const now = await database.now();
    if (database.exclusive) await imports.freeLeased(now);
    await deleteForgotten(this.#context, now);
    this.#pool.start();
  }

  /** Says that there may be a new job. */
  kick = (): void => this.#pool.kick();

  /** Waits for the items that are under way; the rest of their job is the next worker's. */
  async stop(): Promise<void> {
    await this.#pool.stop();
  }

  async #take(importId: string, time: { now: Date; until: Date }): Promise<Taken | undefined> {
    const { imports, database } = this.#context;
    const job = await imports.lease(importId, time);
    if (!job) return undefined;
    // What it calls knows on whose behalf.
    const context = backgroundContext({
      principal: { id: job.requestedBy ?? '' },
      ...(job.requestId && { requestId: job.requestId }),
    });
    return {
      extend: (until) => imports.leaseUntil(job, until),
      run: (lease, stopping) => withCallContext(context, () => runImport(this.#context, job, { lease, stopping })),
      release: async () => void (await imports.leaseUntil(job, await database.now())),
    };
  }
}

async function deleteForgotten(
  { contents, imports }: { contents: Contents; imports: Imports },
  now: Date,
): Promise<void> {
  const old = await contents.olderThan(new Date(now.getTime() - FORGOTTEN_MS));
  const active = new Set(await imports.activeOf(old));
  for (const importId of old) if (!active.has(importId)) await contents.delete(importId);
}
