import type { Client } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';
import { pairs } from '../option-values.ts';
import { print } from '../output.ts';
import { readPassword, type PasswordOptions } from '../password.ts';
import { findStore } from './find-store.ts';
import { endpointOptions, toStoreEndpoints, type EndpointOptions } from './store-endpoints.ts';
import { hookOptions, toKeepVersions, toStoreHooks, type HookOptions } from './store-hooks.ts';
import { readConfig, readPolicy } from './store-options.ts';

interface EditOptions extends HookOptions, PasswordOptions, EndpointOptions {
  name?: string;
  config?: string[];
  unset?: string[];
  label?: string[];
  policy?: string[];
  json: boolean;
}

/** `stores edit`: what is not named stays as it is. */
export function addEditStoreCommand(stores: Command, api: Client): void {
  hookOptions(endpointOptions(stores.command('edit')))
    .argument('<store>', 'id or name')
    .description('change a store; what is not named stays as it is')
    .option('--name <name>', 'another name')
    .option('--config <key=value...>', 'values of its config, except its password')
    .option('--unset <key...>', 'values of its config to leave out, and labels')
    .option('--label <key=value...>', 'labels')
    .option('--policy <rule=action...>', 'expired, notYetValid, weak, chain or names = refuse, warn or allow')
    .option('--password-file <file>', 'read a new password of the store from a file ("-": standard input)')
    .option('--password-env <name>', 'read a new password of the store from this environment variable')
    .option('--json', 'print JSON', false)
    .action(async (which: string, options: EditOptions) => {
      const id = await findStore(api, which);
      const body = await readChange(api, id, options);
      if (Object.keys(body).length === 0)
        throw new CliError(
          'Say what to change: --name, --config, --unset, --label, --policy, --endpoint, --hook, --keep-versions or a password.',
          EXIT.usage,
        );
      const store = await api.updateStore({ params: { id }, body });
      print(options.json, store, () => `changed store ${store.name} (${store.id})`);
    });
}

async function readChange(api: Client, id: string, options: EditOptions) {
  const { name, unset = [], passwordFile, passwordEnv } = options;
  const store = await api.getStore({ params: { id } });
  const config = { ...store.config, ...(await readConfig(api, store.kind, options.config)) };
  const labels = { ...store.labels, ...pairs(options.label) };
  for (const key of unset) {
    if (!(key in config) && !(key in labels))
      throw new CliError(`The store has no config value and no label "${key}".`, EXIT.usage);
    delete config[key];
    delete labels[key];
  }
  if (passwordFile !== undefined || passwordEnv !== undefined)
    config['password'] = await readPassword(options, {
      prompt: 'Password of the keystore',
      variable: passwordEnv ?? 'CERTFERRY_STORE_PASSWORD',
      required: true,
    });
  const endpoints = toStoreEndpoints(options);
  const [hooks, keepVersions] = [toStoreHooks(options), toKeepVersions(options)];
  return {
    ...(name !== undefined && { name }),
    // The server keeps the secrets that a config leaves out.
    ...(!isSame(config, store.config) && { config }),
    ...(!isSame(labels, store.labels) && { labels }),
    ...(endpoints && { endpoints }),
    ...(hooks && { hooks }),
    ...(keepVersions !== undefined && { keepVersions }),
    ...(options.policy && { policy: { ...store.policy, ...readPolicy(options.policy) } }),
  };
}

const isSame = (a: object, b: object): boolean => JSON.stringify(a) === JSON.stringify(b);
