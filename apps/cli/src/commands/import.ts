import type { Client } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { findSources } from '../import/find-sources.ts';
import { importAll, type Ended } from '../import/import-all.ts';
import { checkServerName, containerPasswordOptions, SERVER_NAME, type ContainerOptions } from '../import/options.ts';
import { cameIn, toTotals } from '../import/outcome.ts';
import { Passwords } from '../import/passwords.ts';
import { failures, toText } from '../import/report.ts';
import { print } from '../output.ts';
import { Progress } from '../progress.ts';

interface ImportOptions extends ContainerOptions {
  name?: string;
  notes?: string;
  tag?: string[];
  serverName?: string;
  dryRun: boolean;
  quiet: boolean;
}

export function addImportCommand(program: Command, api: Client): void {
  containerPasswordOptions(
    program
      .command('import')
      .argument(
        '<what...>',
        'files, folders, patterns, "-" for standard input, https://… for a file, tls://host:port or smtp:// (imap, pop3, ldap, postgres, mysql) for what a server shows',
      )
      .description('import certificates and keys, whatever they are in'),
  )
    .option('--name <name>', 'name of the certificate')
    .option('--notes <text>', 'notes on the certificate')
    .option('--tag <tag...>', 'tags of the certificate')
    .option('--server-name <name>', SERVER_NAME)
    .option('--dry-run', 'say what would happen, keep nothing', false)
    .option('--quiet', 'no progress; print only what failed', false)
    .option('--json', 'print JSON', false)
    .action((what: string[], options: ImportOptions) => importWhat(api, what, options));
}

async function importWhat(api: Client, what: string[], options: ImportOptions): Promise<void> {
  if (what.includes('-') && [options.passwordFile, options.keyPasswordFile].includes('-'))
    throw new CliError('Standard input is either what to import or a password, not both.', EXIT.usage);
  checkServerName(what, options.serverName);
  const { name, notes, tag: tags, dryRun, quiet } = options;
  const passwords = await Passwords.read(options);
  const progress = new Progress(quiet);
  const found = await findSources(what, options.serverName);
  const sending = { api, dryRun, fields: { name, notes, tags }, passwords, progress };
  const ended = await importAll(found, sending).finally(() => progress.end());
  if (ended.outcomes.length > 0) report(ended, options);
  end(ended);
}

function report({ outcomes, notTried }: Ended, { dryRun, quiet, json }: ImportOptions): void {
  const files = outcomes.map(({ import: answer, ...outcome }) => ({ ...answer, ...outcome }));
  if (!quiet || json)
    return print(json, { ...toTotals(outcomes), notTried, files }, () => toText(outcomes, { dryRun, notTried }));
  for (const line of outcomes.flatMap(failures)) process.stderr.write(`certferry: ${line}\n`);
}

/** The exit code: what stopped it, nothing came in, or something failed beside what came in. */
function end({ outcomes, stopped }: Ended): void {
  if (stopped !== undefined) throw stopped as Error;
  const lines = outcomes.flatMap(failures);
  const only = lines.length === 1 ? `: ${lines[0]}` : '.';
  if (!outcomes.some(cameIn)) throw new CliError(`Nothing was imported${only}`, EXIT.failed);
  if (lines.length > 0) throw new CliError(`Some of it was not imported${only}`, EXIT.partial);
}
