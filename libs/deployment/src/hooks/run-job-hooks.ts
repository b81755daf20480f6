import type { HookRun, OpenStore } from '@certferry/store-drivers';
import type { DeploymentContext } from '../deployment-context.ts';
import type { Job, JobState, Transition } from '../jobs/job.ts';
import { openSecrets } from '../stores/store-secrets.ts';
import type { Store } from '../stores/store.ts';
import { runAfter, runBefore, type Failure } from './run-store-hooks.ts';

/** An attempt of a job while its store is open. */
export interface Visit {
  context: DeploymentContext;
  open: OpenStore;
  store: Store;
  /** Aborted when the attempt has to end where it is. */
  signal: AbortSignal;
  /** Throws when another worker may have the job; asked right before what only its holder may do. */
  ensureHeld: () => void;
  /** As it was saved last. */
  job: () => Job;
  step: (state: JobState, step: Omit<Transition, 'state' | 'at'>) => Promise<void>;
}

const MAX_RUNS = 50;

/**
 * Runs the store's hooks, each run saved in the job before the next; what has surely succeeded for this write does not
 * run twice. Answers what failed after the write; FAILED_PRECONDITION HOOK_FAILED before it.
 */
export async function runJobHooks(visit: Visit, when: 'before' | 'after' | 'again'): Promise<Failure | undefined> {
  const { context, store, signal, job, step } = visit;
  if (!store.hooks) return undefined;
  const secrets = Object.values(openSecrets(store, context.secrets)).filter((one) => typeof one === 'string');
  const again = when === 'again';
  const runner = {
    hooks: context.hooks,
    secrets,
    signal,
    done: again ? [] : (job().intent?.hooksDone ?? []),
    record: async (run: HookRun, key: string) => {
      const { hookRuns = [], intent, state } = job();
      const hooksDone = run.problem || again ? intent?.hooksDone : [...(intent?.hooksDone ?? []), key];
      await step(state, {
        message: sayRun(run),
        set: {
          hookRuns: [...hookRuns, { ...run, again }].slice(-MAX_RUNS),
          ...(intent && { intent: { ...intent, hooksDone } }),
        },
      });
    },
  };
  if (when === 'before') return void (await runBefore(runner, store.hooks));
  return await runAfter(runner, store.hooks);
}

const sayRun = ({ hook, step, seconds, problem }: HookRun): string =>
  `Hook "${hook}", ${step}: ${problem || 'succeeded'} (${seconds} s).`;
