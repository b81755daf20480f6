import type { StoreDraft } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';

export interface HookOptions {
  hook?: string[];
  hookBefore?: string[];
  keepVersions?: string;
}

/** Of a command that adds or changes a store. */
export const hookOptions = (command: Command): Command =>
  command
    .option(
      '--hook <hook...>',
      'what runs after each write, of the hooks that the server’s configuration has; parameters behind it: "nginx,config=/etc/nginx/edge.conf"',
    )
    .option('--hook-before <hook...>', 'what runs before each write')
    .option('--keep-versions <n>', 'contents that are kept when they are written over, 0 to 20 (default: 3)');

export function toStoreHooks({ hook, hookBefore }: HookOptions): StoreDraft['hooks'] {
  if (!hook && !hookBefore) return undefined;
  return { before: (hookBefore ?? []).map(toUse), after: (hook ?? []).map(toUse) };
}

export function toKeepVersions({ keepVersions }: HookOptions): number | undefined {
  if (keepVersions === undefined) return undefined;
  if (!/^\d+$/.test(keepVersions)) throw new CliError('--keep-versions is a number.', EXIT.usage);
  return Number(keepVersions);
}

function toUse(text: string): { hook: string; parameters: Record<string, string> } {
  const [hook = '', ...parameters] = text.split(',');
  const entries = parameters.map((one) => {
    const at = one.indexOf('=');
    if (at < 1) throw new CliError(`"${one}" of the hook "${hook}" is not name=value.`, EXIT.usage);
    return [one.slice(0, at), one.slice(at + 1)];
  });
  return { hook, parameters: Object.fromEntries(entries) as Record<string, string> };
}
