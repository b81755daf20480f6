import type { ChildProcess } from 'node:child_process';
import { AppError } from '@certferry/core';
import { cancelled, targetHangs, type StoreLimits, type StoreParser } from '../driver-context.ts';
import type { StoreAccess, StoreAddress } from '../store-access.ts';
import type { OpenStore } from '../store-driver.ts';
import { ChildPool } from './child-pool.ts';
import { ChildVisit } from './child-visit.ts';

export interface ChildStoreOptions {
  /** Folders below which file stores may be. */
  roots: string[];
  /** Answers what drivers in the children ask. */
  parser: StoreParser;
  /** Processes at most. */
  max: number;
  /** Processes that stay when there is nothing to do. Default: none. */
  keep?: number;
  /** How long one call to a store may take. Default: 30 seconds. */
  answerMs?: number;
  /** How long what was stopped may take to end by itself. Default: a second. */
  graceMs?: number;
  /** A child that hears nothing of this process for so long ends itself; less than a lease. Default: 15 seconds. */
  silentMs?: number;
  /** After so long without work a process ends. Default: a minute. */
  idleMs?: number;
  /** Another program than the product's own; for tests. */
  child?: { main?: URL; args?: string[]; kill?: (process: ChildProcess) => void };
}

const MAIN = new URL('./main.ts', import.meta.url);

/**
 * Opens stores in child processes, one a visit: what a store is on may hang, and holds that child and nothing else.
 * A visit that is stopped, or does not answer, ends with its child, so that nothing is written after it has rejected.
 */
export class ChildStoreAccess implements StoreAccess {
  readonly #options: Required<Omit<ChildStoreOptions, 'child' | 'max' | 'keep' | 'idleMs'>>;
  readonly #pool: ChildPool;
  /** Stores whose last visit left a process that cannot die yet. */
  readonly #hung = new Set<string>();

  constructor({ max, keep = 0, idleMs = 60_000, child = {}, ...options }: ChildStoreOptions) {
    this.#options = { answerMs: 30_000, graceMs: 1_000, silentMs: 15_000, ...options };
    this.#pool = new ChildPool({ max, keep, idleMs, main: MAIN, args: [], ...child });
  }

  /** Starts what is to be kept, so that the first visit does not wait for it. */
  warm = (): void => this.#pool.warm();

  /** How many processes start, work, wait for work, and cannot be killed. */
  get counts(): ChildPool['counts'] {
    return this.#pool.counts;
  }

  /** The ids of the processes, for who watches them. */
  get pids(): number[] {
    return this.#pool.pids;
  }

  /**
   * Besides what a driver throws: DEADLINE_EXCEEDED TARGET_HANGS for a store that does not answer, or whose last visit
   * cannot be ended; UNAVAILABLE STORES_BUSY, STORE_PROCESS_ENDED, STORES_STOPPED.
   */
  async open(store: StoreAddress, limits: StoreLimits): Promise<OpenStore> {
    if (limits.signal.aborted) throw cancelled();
    if (limits.deadline.getTime() <= Date.now() || this.#hung.has(store.id)) throw targetHangs();
    const { roots, ...options } = this.#options;
    const child = await this.#pool.take(limits).catch((error: unknown) => {
      throw error instanceof AppError ? error : cancelled();
    });
    const visit = new ChildVisit(child, {
      ...{ ...options, limits },
      giveBack: () => this.#pool.giveBack(child),
      end: () => this.#end(child, store.id),
    });
    return await visit.open(store, roots);
  }

  /** Ends every process; what is open rejects. */
  async close(): Promise<void> {
    await this.#pool.close();
  }

  async #end(child: Awaited<ReturnType<ChildPool['take']>>, storeId: string): Promise<void> {
    if (await this.#pool.end(child)) return;
    this.#hung.add(storeId);
    void child.gone.then(() => this.#hung.delete(storeId));
  }
}
