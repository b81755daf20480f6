import type { StoreDraft } from '@certferry/rest';
import type { Command } from 'commander';
import { CliError, EXIT } from '../cli-error.ts';

export interface EndpointOptions {
  endpoint?: string[];
  grace?: string;
  rollback?: boolean;
}

/** Of a command that adds a store. */
export const endpointOptions = (command: Command): Command =>
  command
    .option(
      '--endpoint <server...>',
      'where it is served, as probe takes it, with ",name" behind it for another name (SNI): looked at after every job',
    )
    .option('--grace <seconds>', 'how long a server may go on showing something else (default: 30)')
    .option('--rollback', 'write back what the store held when an endpoint does not show what was written');

export function toStoreEndpoints({ endpoint, grace, rollback }: EndpointOptions): StoreDraft['endpoints'] {
  if (!endpoint) {
    if (grace === undefined && !rollback) return undefined;
    throw new CliError('--grace and --rollback are for --endpoint.', EXIT.usage);
  }
  const graceSeconds = grace === undefined ? undefined : Number(grace);
  if (graceSeconds !== undefined && !Number.isInteger(graceSeconds))
    throw new CliError('--grace is a number of seconds.', EXIT.usage);
  const items = endpoint.map((text) => {
    const [address, serverName] = text.split(',') as [string, string?];
    return { address, serverName };
  });
  return { items, graceSeconds, ...(rollback && { onMismatch: 'rollback' as const }) };
}
