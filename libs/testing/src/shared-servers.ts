import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { requireInfra } from './programs.ts';
import { startMongoDb, startNats, type TestServer } from './servers.ts';

/** What a test gets of a server that the whole run shares. */
export type SharedServer = Pick<TestServer, 'engine' | 'url' | 'explains'>;
export type ServerName = 'MongoDB' | 'NATS';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where a test asks for a server. */
    sharedServers: string;
  }
}

export interface SharedServers {
  url: string;
  /** Stops what was started, and answers a line a server: what it was, or that nobody asked. */
  close(): Promise<string[]>;
}

/** Answers `GET /MongoDB` and `GET /NATS`; the first who asks starts the server, everybody gets the same one. */
export async function openSharedServers(
  start: Record<ServerName, () => Promise<TestServer | undefined>> = { MongoDB: startMongoDb, NATS: startNats },
): Promise<SharedServers> {
  const asked = new Map<ServerName, Promise<TestServer | undefined>>();
  const http: Server = createServer((request, response) => {
    const name = request.url!.slice(1) as ServerName;
    let server = asked.get(name);
    if (!server) asked.set(name, (server = start[name]()));
    server.then(
      (one) => response.end(JSON.stringify(one ? { engine: one.engine, url: one.url, explains: one.explains } : null)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    close: async () => {
      http.closeAllConnections();
      http.close();
      return await Promise.all(
        (Object.keys(start) as ServerName[]).map(async (name) => {
          if (!asked.has(name)) return `no test asked for ${name}`;
          const server = await asked.get(name)!.catch(() => undefined);
          await server?.stop();
          if (!server) return `no ${name}; what needs it was skipped`;
          return `${name} was ${server.engine}${server.notRun ? ` (not run: ${server.notRun})` : ''}`;
        }),
      );
    },
  };
}

/** The run's own server, started when the first test asks; undefined where the machine has none. Throws then when REQUIRE_INFRA=1. */
export async function useServer(name: ServerName, sharedServers?: string): Promise<SharedServer | undefined> {
  const base = sharedServers ?? (await import('vitest')).inject('sharedServers');
  const response = await fetch(`${base}/${name}`);
  if (!response.ok) throw new Error(`${name} for the tests did not start: ${await response.text()}`);
  const server = (await response.json()) as SharedServer | null;
  if (!server && requireInfra) throw new Error(`No ${name} for the tests, and REQUIRE_INFRA=1 asks for one`);
  return server ?? undefined;
}

export const useMongoDb = (): Promise<SharedServer | undefined> => useServer('MongoDB');
export const useNats = (): Promise<SharedServer | undefined> => useServer('NATS');

/** The URL of a database on a server. */
export function databaseUrl({ url }: Pick<SharedServer, 'url'>, name: string): string {
  const [server, query] = url.split('?') as [string, string | undefined];
  return `${server.replace(/\/$/, '')}/${name}${query ? `?${query}` : ''}`;
}
