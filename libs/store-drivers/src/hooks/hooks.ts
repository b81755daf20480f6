import { invalid } from '@certferry/core';
import type { Hook } from './hook-config.ts';
import { runHook, type HookCall, type HookRun, type HookStep } from './run-hook.ts';

/** A hook that a store has chosen. */
export interface HookUse {
  hook: string;
  /** By name. */
  parameters: Record<string, string>;
}

const MAX_PARAMETER_CHARACTERS = 1_000;

/** The hooks that the server's configuration has, and what runs them. */
export class Hooks {
  readonly #hooks: Map<string, Hook>;

  constructor(hooks: Map<string, Hook>) {
    this.#hooks = hooks;
  }

  get all(): Hook[] {
    return [...this.#hooks.values()];
  }

  /** INVALID_ARGUMENT UNKNOWN_HOOK or INVALID_HOOK_PARAMETER, with what there is; values are not repeated. */
  check({ hook: name, parameters }: HookUse): void {
    const hook = this.#hooks.get(name);
    if (!hook) {
      const there = [...this.#hooks.keys()].map((one) => `"${one}"`).join(', ') || 'none';
      throw invalid('UNKNOWN_HOOK', `There is no hook "${name}" in the server's configuration; there is ${there}.`, {
        hook: name,
      });
    }
    const known = Object.keys(hook.parameters);
    for (const key of Object.keys(parameters)) {
      if (known.includes(key)) continue;
      throw wrong(name, key, `it has no such parameter; it has ${known.join(', ') || 'none'}`);
    }
    for (const [key, { pattern, default: fallback }] of Object.entries(hook.parameters)) {
      const value = parameters[key] ?? fallback;
      if (value === undefined) throw wrong(name, key, 'it is required');
      const fits = value.length <= MAX_PARAMETER_CHARACTERS && !/[\0\r\n]/.test(value);
      if (!fits || !new RegExp(`^(?:${pattern})$`, 'u').test(value)) throw wrong(name, key, `it must match ${pattern}`);
    }
  }

  /** The steps that a hook has after a write. */
  stepsOf({ hook: name }: HookUse): HookStep[] {
    return this.#hooks.get(name)?.test ? ['test', 'reload'] : ['reload'];
  }

  /** Runs one step of a hook. One that the configuration does not have any more, or not so, has failed. */
  async run(use: HookUse, call: Omit<HookCall, 'parameters'>): Promise<HookRun> {
    try {
      this.check(use);
    } catch (error) {
      const problem = (error as Error).message.replace(/\.$/, '');
      return { hook: use.hook, step: call.step, at: new Date(), seconds: 0, exitCode: -1, output: '', problem };
    }
    const hook = this.#hooks.get(use.hook)!;
    const values = Object.entries(hook.parameters).map(([key, one]) => [key, use.parameters[key] ?? one.default ?? '']);
    return await runHook(hook, { ...call, parameters: Object.fromEntries(values) as Record<string, string> });
  }
}

const wrong = (hook: string, parameter: string, why: string) =>
  invalid('INVALID_HOOK_PARAMETER', `The parameter "${parameter}" of the hook "${hook}": ${why}.`, { hook, parameter });
