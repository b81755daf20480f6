import { eachItem, renewalMode, type Client, type RenewalChoice, type StoreTest } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { collect } from '../collect.ts';
import { oneOf, pairs } from '../option-values.ts';
import { day, print, table } from '../output.ts';
import { addEditStoreCommand } from './edit-store.ts';
import { findStore } from './find-store.ts';
import { readConfig, readPolicy } from './store-options.ts';
import { readPassword, type PasswordOptions } from '../password.ts';
import { hookOptions, toKeepVersions, toStoreHooks, type HookOptions } from './store-hooks.ts';
import { addVersionCommands } from './store-versions.ts';
import { endpointOptions, toStoreEndpoints, type EndpointOptions } from './store-endpoints.ts';

interface AddOptions extends HookOptions, PasswordOptions, EndpointOptions {
  kind: string;
  config: string[];
  label?: string[];
  renewal?: string;
  leadTime?: string;
  policy?: string[];
  test: boolean;
  json: boolean;
}

export function addStoreCommands(program: Command, api: Client): void {
  const stores = program.command('stores').description('places that certificates are deployed to');
  addVersionCommands(stores, api);
  hookOptions(endpointOptions(stores.command('add')))
    .argument('<name>', 'name of the store')
    .description('add a store; it is tried first')
    .requiredOption('--kind <kind>', 'pem, der, pkcs12, jks or aws-acm')
    .requiredOption('--config <key=value...>', 'config of the kind, except its password')
    .option('--label <key=value...>', 'labels')
    .option(
      '--renewal <mode>',
      'automatic, ask or never: what is done when a certificate of it is replaced (default: ask)',
    )
    .option('--lead-time <days>', 'with automatic: not earlier than so many days before it expires')
    .option('--policy <rule=action...>', 'expired, notYetValid, weak, chain or names = refuse, warn or allow')
    .option('--password-file <file>', 'read the store’s password from a file ("-": standard input)')
    .option(
      '--password-env <name>',
      'read the store’s password from this environment variable (default: CERTFERRY_STORE_PASSWORD)',
    )
    .option('--test', 'only try it, do not add it', false)
    .option('--json', 'print JSON', false)
    .action(async (name: string, options: AddOptions) => {
      const config = await readConfig(api, options.kind, options.config);
      if (options.kind === 'pkcs12')
        config['password'] =
          (await readPassword(options, {
            prompt: 'Password of the keystore',
            variable: 'CERTFERRY_STORE_PASSWORD',
            required: true,
          })) ?? '';
      const endpoints = toStoreEndpoints(options);
      const policy = options.policy && readPolicy(options.policy);
      const said = { labels: pairs(options.label), renewal: renewalOf(options), policy };
      const chosen = { endpoints, hooks: toStoreHooks(options), keepVersions: toKeepVersions(options) };
      const draft = { name, kind: options.kind, config, ...said, ...chosen };
      const tried = await api.testStoreDraft({ body: draft });
      if (options.test || !tried.ok) return report(tried, options.json);
      const store = await api.createStore({ body: draft });
      print(options.json, store, () => `added store ${store.name} (${store.id})`);
    });
  stores
    .command('renewal')
    .argument('<store>', 'id or name')
    .argument('<mode>', 'automatic, ask or never')
    .description('say what is done when a certificate of a store is replaced')
    .option('--lead-time <days>', 'with automatic: not earlier than so many days before it expires')
    .action(async (which: string, renewal: string, { leadTime }: { leadTime?: string }) => {
      const id = await findStore(api, which);
      await api.updateStore({ params: { id }, body: { renewal: renewalOf({ renewal, leadTime }) } });
      process.stdout.write(`renewals in ${which}: ${renewal}\n`);
    });
  stores
    .command('ls')
    .description('list stores, or what one of them holds')
    .argument('[store]', 'id or name: list its entries')
    .option('--json', 'print JSON', false)
    .action(async (which: string | undefined, options: { json: boolean }) => {
      if (which !== undefined) return await listEntries(api, which, options.json);
      const items = await collect(eachItem(api.listStores, {}, 10_000));
      const rows = items.map((one) => [
        one.id,
        one.name,
        one.kind,
        Object.entries(one.config)
          .map(([key, value]) => `${key}=${String(value)}`)
          .join(' '),
      ]);
      print(options.json, items, () => table(['ID', 'NAME', 'KIND', 'CONFIG'], rows));
    });
  stores
    .command('test')
    .argument('<store>', 'id or name')
    .description('try to read and to write a store without changing it')
    .option('--json', 'print JSON', false)
    .action(async (which: string, options: { json: boolean }) =>
      report(await api.testStore({ params: { id: await findStore(api, which) } }), options.json),
    );
  stores
    .command('rm')
    .argument('<store>', 'id or name')
    .description('forget a store; what it holds stays as it is')
    .option('--yes', 'do not ask', false)
    .action(async (which: string, options: { yes: boolean }) => {
      const id = await findStore(api, which);
      if (!options.yes)
        throw new CliError(`This forgets the store ${id}; what it holds stays as it is: say --yes.`, EXIT.usage);
      await api.deleteStore({ params: { id } });
      process.stdout.write(`forgot store ${id}\n`);
    });
  addEditStoreCommand(stores, api);
}

function renewalOf({ renewal, leadTime }: Pick<AddOptions, 'renewal' | 'leadTime'>): RenewalChoice | undefined {
  if (renewal === undefined && leadTime !== undefined)
    throw new CliError('--lead-time goes with --renewal automatic.', EXIT.usage);
  if (renewal === undefined) return undefined;
  const mode = oneOf(renewalMode.options, renewal, 'renewal');
  return { mode, ...(leadTime !== undefined && { leadTimeDays: Number(leadTime) }) };
}

async function listEntries(api: Client, which: string, json: boolean): Promise<void> {
  const { items } = await api.listStoreEntries({ params: { id: await findStore(api, which) } });
  const rows = items.map((one) => [
    one.alias || '-',
    day(one.notAfter),
    one.hasPrivateKey ? 'yes' : 'no',
    one.thumbprint,
    one.subject,
  ]);
  print(json, items, () => table(['ALIAS', 'EXPIRES', 'KEY', 'SHA-1', 'SUBJECT'], rows));
}

function report(answer: StoreTest, json: boolean): void {
  print(json, answer, () =>
    table(
      ['CHECK', 'OK', 'MESSAGE'],
      answer.checks.map((check) => [check.name, check.ok ? 'yes' : 'NO', check.message]),
    ),
  );
  if (!answer.ok) throw new CliError('The store cannot be used as it is.', EXIT.failed);
}
