import { POLICY_RULES, policyAction, type Client, type PolicyAction } from '@certferry/rest';
import { CliError, EXIT } from '../cli-error.ts';
import { oneOf, pairs } from '../option-values.ts';

/** `--config key=value`, each value of the type that the kind's JSON schema says. What the kind does not know goes as text, for the server to refuse. */
export async function readConfig(
  api: Client,
  kind: string,
  list: string[] | undefined,
): Promise<Record<string, unknown>> {
  const given = pairs(list);
  if ('password' in given)
    throw new CliError(
      'Do not write the password on the command line: use --password-file, --password-env or the prompt.',
      EXIT.usage,
    );
  const { items } = await api.listStoreKinds({});
  const schema = items.find((one) => one.kind === kind)?.configSchema ?? {};
  const properties = (schema['properties'] ?? {}) as Record<string, { type?: string } | undefined>;
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [key, typedValue(key, value, properties[key]?.type)]),
  );
}

function typedValue(key: string, value: string, type: string | undefined): unknown {
  if (type === 'boolean') return oneOf(['true', 'false'], value, `--config ${key}`) === 'true';
  if (type === 'integer' || type === 'number') {
    if (value.trim() !== '' && Number.isFinite(Number(value))) return Number(value);
    throw new CliError(`--config ${key} is a number, not "${value}".`, EXIT.usage);
  }
  if (type !== 'object' && type !== 'array') return value;
  try {
    return JSON.parse(value);
  } catch {
    throw new CliError(`--config ${key} is JSON (${type}), and "${value}" is not.`, EXIT.usage);
  }
}

/** `--policy rule=action`. */
export function readPolicy(list: string[] | undefined): Partial<Record<(typeof POLICY_RULES)[number], PolicyAction>> {
  return Object.fromEntries(
    Object.entries(pairs(list)).map(([rule, action]) => [
      oneOf(POLICY_RULES, rule, 'A rule of --policy'),
      oneOf(policyAction.options, action, `--policy ${rule}`),
    ]),
  );
}
