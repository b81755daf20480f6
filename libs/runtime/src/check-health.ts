import { HealthDefinition } from 'nice-grpc-server-health';
import type { Database } from '@certferry/database';
import type { EventBus } from '@certferry/events';
import type { RemoteService } from '@certferry/rpc';
import type { ServiceDirectory } from './service-directory.ts';

const PING_MS = 2_000;

/** Asks database, event bus and the services of other processes; by name, undefined or what is wrong. */
export async function checkHealth(
  opened: { database: Database | undefined; events: EventBus | undefined },
  directory: ServiceDirectory,
): Promise<Record<string, string | undefined>> {
  const remotes = [...directory.remotes()].map(
    async ([name, remote]) => [name, await problemOf(ping(remote))] as const,
  );
  const [database, events, ...services] = await Promise.all([
    problemOf(opened.database?.ping()),
    problemOf(opened.events?.ping()),
    ...remotes,
  ]);
  return { database, events, ...Object.fromEntries(services) };
}

const ping = (remote: RemoteService) => remote.client(HealthDefinition).check({ service: '' }, { deadline: PING_MS });

async function problemOf(asked: Promise<unknown> | undefined): Promise<string | undefined> {
  try {
    await asked;
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
