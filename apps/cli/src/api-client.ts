import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, type Client } from '@certferry/rest';
import { CliError, EXIT } from './cli-error.ts';

/** A client of CERTFERRY_URL with CERTFERRY_API_KEY; on this machine the key is taken from the data folder. */
export function createApiClient(environment: NodeJS.ProcessEnv): Client {
  const url = environment['CERTFERRY_URL'] ?? `http://127.0.0.1:${environment['CERTFERRY_HTTP_PORT'] ?? '8080'}`;
  return createClient({ baseUrl: url.replace(/\/+$/, ''), apiKey: () => readKey(environment) });
}

function readKey(environment: NodeJS.ProcessEnv): string {
  const given = environment['CERTFERRY_API_KEY'];
  if (given) return given;
  const path = join(environment['CERTFERRY_DATA_DIR'] ?? './.certferry', 'admin-api-key');
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    throw new CliError(`Set CERTFERRY_API_KEY: there is no key in ${path} either.`, EXIT.notAllowed);
  }
}
