import { Gauge, type Registry } from 'prom-client';
import { ChildStoreAccess, type StoreParser } from '@certferry/store-drivers';

export interface ReachOptions {
  /** Folders below which file stores may be. */
  roots: string[];
  parser: StoreParser;
  /** Stores that jobs work on at the same time. */
  concurrency: number;
  /** How long one call to a store may take. */
  timeoutSeconds: number;
  metrics: Registry;
}

/** How stores are reached: by child processes of which jobs and callers each have their own, so that neither waits for the other. */
export interface ReachedStores {
  /** For whoever asks over the API. */
  forCallers: ChildStoreAccess;
  forJobs: ChildStoreAccess;
  close: () => Promise<void>;
}

/** Callers' visits that run at a time. */
const MAX_FOR_CALLERS = 8;
/** Probes of parked stores that run beside jobs. */
const PROBES = 2;

export function reachStores({ roots, parser, concurrency, timeoutSeconds, metrics }: ReachOptions): ReachedStores {
  const options = { roots, parser, answerMs: timeoutSeconds * 1_000 };
  const forCallers = new ChildStoreAccess({ ...options, max: MAX_FOR_CALLERS });
  // Jobs whose store is silent leave their place to as many others.
  const forJobs = new ChildStoreAccess({ ...options, max: 2 * concurrency + PROBES, keep: 1 });
  countChildren(metrics, { callers: forCallers, jobs: forJobs });
  return {
    forCallers,
    forJobs,
    close: async () => void (await Promise.all([forCallers.close(), forJobs.close()])),
  };
}

function countChildren(metrics: Registry, accesses: Record<string, ChildStoreAccess>): void {
  new Gauge({
    name: 'certferry_store_processes',
    help: 'Child processes that work with stores; an abandoned one hangs and cannot be killed.',
    labelNames: ['visitors', 'state'],
    registers: [metrics],
    collect() {
      for (const [visitors, { counts }] of Object.entries(accesses))
        for (const [state, count] of Object.entries(counts)) this.set({ visitors, state }, count);
    },
  });
}
