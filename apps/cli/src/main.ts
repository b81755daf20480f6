#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { createApiClient } from './api-client.ts';
import { CliError, errorLine, EXIT, toCliError } from './cli-error.ts';
import { addCertificateCommands } from './commands/certificates.ts';
import { addEventCommands } from './commands/events.ts';
import { addImportCommand } from './commands/import.ts';
import { addInspectCommand } from './commands/inspect.ts';
import { addJobCommands } from './commands/jobs.ts';
import { addProbeCommand } from './commands/probe.ts';
import { addRenewCommand } from './commands/renew.ts';
import { addStoreCommands } from './commands/stores.ts';

const program = new Command('certferry')
  .description('Import certificates, know them, and deploy them to the stores that serve them.')
  .addHelpText(
    'after',
    '\nEnvironment: CERTFERRY_URL (default http://127.0.0.1:8080), CERTFERRY_API_KEY.\nExit codes: 1 failed, 2 wrong usage, 3 not found, 4 not allowed, 5 no server, 6 a job did not succeed, 7 only some of an import went in; of probe: 8 expired or not yet valid, 9 another name, 10 no whole chain.\nWith --json an error is a line of JSON on standard error: reason, detail, exitCode, and what the server said of it.',
  )
  .exitOverride();
const isJson = process.argv.includes('--json');
if (isJson) {
  const wrongUsage = (text: string) => new CliError(text.trim().replace(/^error: /, ''), EXIT.usage);
  program.configureOutput({ outputError: (text, write) => write(errorLine(wrongUsage(text), true)) });
} else program.showHelpAfterError('(certferry --help shows the commands)');
const ADD_COMMANDS = [
  addImportCommand,
  addInspectCommand,
  addCertificateCommands,
  addStoreCommands,
  addJobCommands,
  addRenewCommand,
  addEventCommands,
  addProbeCommand,
];
const api = createApiClient(process.env);
for (const add of ADD_COMMANDS) add(program, api);
for (const command of program.commands.flatMap((one) => [one, ...one.commands])) command.exitOverride();

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});
try {
  await program.parseAsync();
} catch (error) {
  const known = toCliError(error);
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  else if (known) {
    process.stderr.write(errorLine(known, isJson));
    process.exitCode = known.exitCode;
  } else throw error;
}
