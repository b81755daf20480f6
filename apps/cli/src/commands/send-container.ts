import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Problem, type Import } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { readPassword, type PasswordOptions } from '../password.ts';

export interface ContainerOptions extends PasswordOptions {
  name?: string;
  notes?: string;
  tag?: string[];
  keyPasswordFile?: string;
  json: boolean;
}

export const passwordOptions = (command: Command): Command =>
  command
    .option('--password-file <file>', 'read the password from a file ("-": standard input)')
    .option('--password-env <name>', 'read the password from this environment variable (default: CERTFERRY_PASSWORD)');

export const KEY_PASSWORD_FILE = [
  '--key-password-file <file>',
  'the password of keys that have one of their own (or CERTFERRY_KEY_PASSWORD)',
] as const;

interface ContainerForm {
  file: File;
  password?: string;
  keyPassword?: string;
  name?: string;
  notes?: string;
  tags?: string[];
}

/** Sends a container; asks for its password when the server says that one is needed. */
export async function sendContainer(
  call: (input: { form: ContainerForm }) => Promise<Import>,
  path: string,
  options: ContainerOptions,
): Promise<Import> {
  const file = new File([readInput(path)], basename(path));
  const keyPassword = await readPassword(
    { passwordFile: options.keyPasswordFile },
    { prompt: '', variable: 'CERTFERRY_KEY_PASSWORD' },
  );
  const { name, notes, tag: tags } = options;
  const attempt = (password: string | undefined) => call({ form: { file, password, keyPassword, name, notes, tags } });
  const given = await readPassword(options, { prompt: '', variable: 'CERTFERRY_PASSWORD' });
  try {
    return await attempt(given);
  } catch (error) {
    const isAsked = error instanceof Problem && error.reason === 'PASSWORD_REQUIRED';
    if (given !== undefined || !isAsked || !process.stdin.isTTY) throw error;
    return await attempt(
      await readPassword({}, { prompt: `Password of ${path}`, variable: 'CERTFERRY_PASSWORD', required: true }),
    );
  }
}

function readInput(path: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(readFileSync(path === '-' ? 0 : path));
  } catch {
    throw new CliError(`The file ${path} cannot be read.`, EXIT.usage);
  }
}
