import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import type { ContainerPasswordOptions } from './passwords.ts';
import { isRemote } from './remote.ts';

export const passwordOptions = (command: Command, file = 'read the password from a file'): Command =>
  command
    .option('--password-file <file>', `${file} ("-": standard input)`)
    .option('--password-env <name>', 'read the password from this environment variable (default: CERTFERRY_PASSWORD)');

/** Of a command that opens containers. */
export const containerPasswordOptions = (command: Command): Command =>
  passwordOptions(command, 'read passwords from a file, one a line; each is tried')
    .option('--whole-file', 'the password file is one password, line ends and all')
    .option(
      '--key-password-file <file>',
      'the password of keys that have one of their own (or CERTFERRY_KEY_PASSWORD)',
    );

export interface ContainerOptions extends ContainerPasswordOptions {
  json: boolean;
}

export const SERVER_NAME = 'of a server: whose certificate is asked for (SNI; default: its host’s)';

/** Wrong usage where there is no server to ask. */
export function checkServerName(what: string[], serverName: string | undefined): void {
  if (serverName !== undefined && !what.some((one) => isRemote(one) && !/^https?:/i.test(one)))
    throw new CliError('--server-name is for what a server shows: tls://host:port, smtp://host.', EXIT.usage);
}
