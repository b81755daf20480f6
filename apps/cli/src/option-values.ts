import { CliError, EXIT } from './cli-error.ts';

/** The value if it is one of these; wrong usage otherwise. */
export function oneOf<T extends string>(values: readonly T[], value: string, option: string): T {
  const found = values.find((one) => one === value);
  if (found === undefined) throw new CliError(`${option} is one of ${values.join(', ')}, not "${value}".`, EXIT.usage);
  return found;
}

/** KEY=VALUE, several times. */
export const pairs = (list: string[] | undefined): Record<string, string> =>
  Object.fromEntries(
    (list ?? []).map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new CliError(`"${text}" is not KEY=VALUE.`, EXIT.usage);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
