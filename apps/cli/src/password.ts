import { readFileSync } from 'node:fs';
import { CliError, EXIT } from './cli-error.ts';

export interface PasswordOptions {
  passwordFile?: string;
  passwordEnv?: string;
}

/**
 * A password from a file, a named environment variable, or a prompt; never from the command line, where every user of
 * the machine could read it. Undefined when none was given and there is no terminal to ask on.
 */
export async function readPassword(
  options: PasswordOptions,
  ask: { prompt: string; variable: string; required?: boolean },
): Promise<string | undefined> {
  if (options.passwordFile) return readPasswordFile(options.passwordFile).replace(/\r?\n$/, '');
  const variable = options.passwordEnv ?? ask.variable;
  const value = process.env[variable];
  if (value !== undefined) return value;
  if (options.passwordEnv)
    throw new CliError(`The environment variable ${options.passwordEnv} is not set.`, EXIT.usage);
  if (!ask.required) return undefined;
  if (!process.stdin.isTTY)
    throw new CliError(`A password is needed: give --password-file FILE, or set ${ask.variable}.`, EXIT.usage);
  return await promptPassword(ask.prompt);
}

/** The text of a password file ("-": standard input), with its line ends. */
export function readPasswordFile(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch {
    throw new CliError(`The password file ${path} cannot be read.`, EXIT.usage);
  }
}

/** Asks on the terminal without showing what is typed. */
export async function promptPassword(question: string): Promise<string> {
  const { stdin, stderr } = process;
  // First: what is typed or pasted as soon as the question is there must not be shown either.
  stdin.setRawMode(true);
  stderr.write(`${question}: `);
  try {
    return await readLine(stdin);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

function readLine(stdin: NodeJS.ReadStream): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const end = (run: () => void) => {
      stdin.off('data', onData).off('end', onEnd);
      run();
    };
    const onEnd = () => end(() => resolve(text));
    const onData = (chunk: Buffer) => {
      for (const character of chunk.toString()) {
        if (character === '\r' || character === '\n') return end(() => resolve(text));
        if (character === '\u0003') return end(() => reject(new CliError('Cancelled.', 130)));
        text = character === '\u007f' ? text.slice(0, -1) : text + character;
      }
    };
    // Not by iterating: that would close it, and a second question could not be asked.
    stdin.on('data', onData).once('end', onEnd).resume();
  });
}
