import { invalid } from '@certferry/core';
import type { Hooks, HookUse } from '@certferry/store-drivers';

/** The hooks of a store, in the order in which they run. */
export interface HookChoice {
  /** Before each write. */
  before: HookUse[];
  /** After each write: the tests of all, then what makes them load it. */
  after: HookUse[];
}

const MAX_HOOKS = 10;

/** INVALID_FIELD, UNKNOWN_HOOK, INVALID_HOOK_PARAMETER. */
export function checkHookChoice(hooks: Hooks, choice: HookChoice | undefined): void {
  for (const [when, uses] of Object.entries(choice ?? {}) as [keyof HookChoice, HookUse[]][]) {
    if (uses.length > MAX_HOOKS)
      throw invalid('INVALID_FIELD', `A store has at most ${MAX_HOOKS} hooks ${when} a write.`, { field: 'hooks' });
    for (const use of uses) hooks.check(use);
  }
}

/** What a plan says of them, in order: "nginx test". */
export const sayHooks = (hooks: Hooks, { before, after }: HookChoice): string[] => {
  const steps = after.flatMap((use) => hooks.stepsOf(use).map((step) => [step, use.hook] as const));
  const named = (wanted: 'test' | 'reload') =>
    steps.filter(([step]) => step === wanted).map(([step, hook]) => `${hook} ${step}`);
  return [...before.map(({ hook }) => `${hook} before`), ...named('test'), ...named('reload')];
};
