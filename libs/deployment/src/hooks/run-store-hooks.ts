import { precondition, type AppError } from '@certferry/core';
import type { HookRun, Hooks, HookStep, HookUse } from '@certferry/store-drivers';
import type { HookChoice } from './hook-choice.ts';

/** Why a job ends though it has written, and whether the service may have loaded what it wrote. */
export interface Failure {
  reason: string;
  message: string;
  /** Whether the hooks run again once the old content is back. */
  reload: boolean;
}

/** What the hooks of a store are run with. */
export interface HookRunner {
  hooks: Hooks;
  secrets: string[];
  signal: AbortSignal;
  /** Keys of what has surely run for this write already. */
  done: string[];
  /** Saves a run, and its key where it succeeded, before the next. */
  record: (run: HookRun, key: string) => Promise<void>;
}

/** FAILED_PRECONDITION HOOK_FAILED as soon as one fails: the write is not begun. */
export async function runBefore(runner: HookRunner, { before }: HookChoice): Promise<void> {
  for (const [i, use] of before.entries()) {
    const run = await runOne(runner, use, { step: 'before', key: `before ${i}` });
    if (run?.problem) throw hookFailed(run);
  }
}

/**
 * All tests, then all that load; undefined when nothing failed. A test that fails: the service still runs on what it
 * has loaded before, and has not been told of anything.
 */
export async function runAfter(runner: HookRunner, { after }: HookChoice): Promise<Failure | undefined> {
  for (const step of ['test', 'reload'] as const) {
    for (const [i, use] of after.entries()) {
      if (!runner.hooks.stepsOf(use).includes(step)) continue;
      const run = await runOne(runner, use, { step, key: `${step} ${i}` });
      if (run?.problem) return { reason: 'HOOK_FAILED', message: sayFailed(run), reload: step === 'reload' };
    }
  }
  return undefined;
}

async function runOne(
  { hooks, secrets, signal, done, record }: HookRunner,
  use: HookUse,
  { step, key }: { step: HookStep; key: string },
): Promise<HookRun | undefined> {
  if (done.includes(key)) return undefined;
  const run = await hooks.run(use, { step, secrets, signal });
  await record(run, key);
  return run;
}

const STEPS: Record<HookStep, string> = {
  before: 'failed before the write',
  test: 'does not accept its configuration with the new certificate',
  reload: 'did not load the new certificate',
};

/** Who failed, how, and what the service itself said. */
export const sayFailed = ({ hook, step, problem, output }: HookRun): string =>
  `The hook "${hook}" ${STEPS[step]}: ${problem}.${output ? ` It said: ${output}` : ''}`;

const hookFailed = (run: HookRun): AppError => precondition('HOOK_FAILED', sayFailed(run));
