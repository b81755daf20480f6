import { z } from 'zod';
import { PRESETS, type Preset } from './presets.ts';

const PLACEHOLDER = /\{(\w+)\}/g;

/** The names of the parameters that an argv names. */
export const placeholdersOf = (argv: readonly string[]): string[] =>
  argv.flatMap((element) => [...element.matchAll(PLACEHOLDER)].map(([, name]) => name!));

/** The argv with its parameters' values put in, each inside its element. A name without a value stays. */
export const fillIn = (argv: readonly string[], values: Record<string, string>): string[] =>
  argv.map((element) => element.replaceAll(PLACEHOLDER, (whole, name: string) => values[name] ?? whole));

const isPattern = (text: string): boolean => {
  try {
    return Boolean(new RegExp(text, 'u'));
  } catch {
    return false;
  }
};
const pattern = z.string().min(1).max(1_000).refine(isPattern, 'is not a regular expression');

const argv = z
  .array(
    z
      .string()
      .min(1)
      .max(4_096)
      .refine((text) => !text.includes('\0'), 'has a NUL'),
  )
  .min(1)
  .max(100)
  .refine(([program]) => program!.startsWith('/') && placeholdersOf([program!]).length === 0, {
    message: 'begins with the absolute path of a program, which is no parameter',
  });

const limits = {
  user: z.string().min(1).optional().describe('Who runs it: a name or a number; default: who runs the server'),
  group: z.string().min(1).optional().describe('Default: the group of the user'),
  timeoutSeconds: z.number().min(0.1).max(280).default(30),
  maxOutputBytes: z.number().int().min(0).max(65_536).default(4_096),
  env: z.record(z.string().regex(/^[A-Za-z_]\w*$/), z.string()).default({}),
};

/** One hook as a configuration gives it. */
export const hookDefinition = z
  .strictObject({
    argv: argv.describe('What is run; {name} is a parameter'),
    test: argv.optional().describe('What is run before it, and says whether it should be'),
    output: pattern
      .optional()
      .describe('What the output of argv must match, for programs that end with 0 when they fail'),
    parameters: z
      .record(
        z.string().regex(/^\w+$/),
        z.union([pattern, z.strictObject({ pattern, default: z.string().optional() })]),
      )
      .default({})
      .describe('The values that a store may give: each matches its pattern as a whole'),
    ...limits,
  })
  .superRefine(({ argv: run, test = [], parameters }, check) => {
    for (const name of placeholdersOf([...run, ...test])) {
      if (!(name in parameters))
        check.addIssue({ code: 'custom', message: `names {${name}}, which is not in parameters` });
    }
  });

const presetNames = Object.keys(PRESETS) as [string, ...string[]];

/** A preset by its name, or with what the server fixes of it. */
export const hookPreset = z.union([
  z.enum(presetNames),
  z.strictObject({
    preset: z.enum(presetNames),
    name: z
      .string()
      .regex(/^[\w.-]+$/)
      .optional()
      .describe('Default: that of the preset'),
    parameters: z.record(z.string(), z.string()).default({}).describe('Fixed: a store cannot give another value'),
    ...limits,
  }),
]);

/** What a server lets its stores run. */
export const hookConfig = {
  hooks: z.record(z.string().regex(/^[\w.-]+$/), hookDefinition).default({}),
  hookPresets: z.array(hookPreset).default([]),
};

/** The section's part about hooks, checked. */
export type HookSettings = z.output<z.ZodObject<typeof hookConfig>>;

export interface Parameter {
  pattern: string;
  default?: string;
}

/** A hook that stores may choose. */
export interface Hook extends Omit<z.output<typeof hookDefinition>, 'parameters'> {
  name: string;
  parameters: Record<string, Parameter>;
}

/** Every hook of a configuration by its name. Throws an Error with what is wrong. */
export function hooksOf(config: HookSettings): Map<string, Hook> {
  const own = Object.entries(config.hooks).map(([name, { parameters, ...rest }]): Hook => {
    const entries = Object.entries(parameters).map(([key, one]) => [
      key,
      typeof one === 'string' ? { pattern: one } : one,
    ]);
    return { ...rest, name, parameters: Object.fromEntries(entries) as Record<string, Parameter> };
  });
  const presets = config.hookPresets.map((chosen): Hook => {
    if (typeof chosen === 'string') return fromPreset(chosen, hookPreset.options[1].parse({ preset: chosen }));
    return fromPreset(chosen.name ?? chosen.preset, chosen);
  });
  const all = [...own, ...presets];
  const names = all.map(({ name }) => name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new Error(`deployment: two hooks are named "${twice}".`);
  return new Map(all.map((hook) => [hook.name, hook]));
}

function fromPreset(name: string, chosen: z.output<(typeof hookPreset.options)[1]>): Hook {
  const { preset, parameters: given, name: _, ...rest } = chosen;
  const { argv: run, test, fixed, parameters }: Preset = PRESETS[preset]!;
  const unknown = Object.keys(given).find((key) => !(key in fixed) && !(key in parameters));
  if (unknown !== undefined) {
    const known = [...Object.keys(fixed), ...Object.keys(parameters)].join(', ');
    throw new Error(`deployment.hookPresets: ${preset} has no parameter "${unknown}"; it has ${known}.`);
  }
  const values = { ...fixed, ...given };
  const missing = Object.entries(values).find(([, value]) => value === '')?.[0];
  if (missing !== undefined) throw new Error(`deployment.hookPresets: ${preset} needs "${missing}".`);
  const left = Object.entries(parameters).filter(([key]) => !(key in given));
  return {
    ...rest,
    name,
    argv: fillIn(run, values),
    ...(test && { test: fillIn(test, values) }),
    parameters: Object.fromEntries(left),
  };
}
