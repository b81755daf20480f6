import type { Client } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { day, print, table } from '../output.ts';
import { reportJobs } from './jobs.ts';
import { findStore } from './find-store.ts';

/** What a store held before, and the way back to it. */
export function addVersionCommands(stores: Command, api: Client): void {
  stores
    .command('versions')
    .argument('<store>', 'id or name')
    .description('list what a store held before it was written over')
    .option('--json', 'print JSON', false)
    .action(async (which: string, options: { json: boolean }) => {
      const { items } = await api.listStoreVersions({ params: { id: await findStore(api, which) } });
      const rows = items.map(({ number, alias, keptAt, notAfter, hasPrivateKey, subject }) => [
        ...[String(number), alias || '-', keptAt, notAfter ? day(notAfter) : '-'],
        ...[hasPrivateKey ? 'yes' : 'no', subject ?? 'nothing'],
      ]);
      print(options.json, items, () => table(['VERSION', 'ALIAS', 'KEPT', 'EXPIRES', 'KEY', 'SUBJECT'], rows));
    });
  stores
    .command('rollback')
    .argument('<store>', 'id or name')
    .description('put back what a store held before')
    .option('--alias <alias>', 'name of the entry (default: the only one of which versions are kept)')
    .option('--version <number>', 'as "versions" lists them (default: the newest)')
    .option('--wait', 'wait until the job has ended', false)
    .option('--json', 'print JSON', false)
    .action(async (which: string, options: { alias?: string; version?: string; wait: boolean; json: boolean }) => {
      const version = options.version === undefined ? undefined : Number(options.version);
      if (version !== undefined && !(Number.isInteger(version) && version > 0))
        throw new CliError('--version is a number, as "stores versions" lists them.', EXIT.usage);
      const params = { id: await findStore(api, which) };
      const job = await api.rollBackStore({ params, body: { alias: options.alias, version } });
      await reportJobs(api, [job], options);
    });
}
