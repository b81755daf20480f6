import type { TestProject } from 'vitest/node';
import { requireInfra } from './programs.ts';
import { startMongoDb, startNats, type TestServer } from './servers.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    mongodb: { engine: string; url: string } | undefined;
    nats: { engine: string; url: string } | undefined;
  }
}

/** Starts the real servers of a test run once and says which they are. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const [mongodb, nats] = await Promise.all([startMongoDb(), startNats()]);
  announce('MongoDB', mongodb);
  announce('NATS', nats);
  project.provide('mongodb', mongodb && { engine: mongodb.engine, url: mongodb.url });
  project.provide('nats', nats && { engine: nats.engine, url: nats.url });
  return async () => {
    await Promise.all([mongodb?.stop(), nats?.stop()]);
  };
}

function announce(name: string, server: TestServer | undefined): void {
  if (server) {
    const standIn = server.engine === 'mongo-java-server';
    console.log(
      `infra: ${name} is ${server.engine}${standIn ? ' (a stand-in: explain, write concern and failover were not run)' : ''}`,
    );
  } else if (requireInfra) throw new Error(`No ${name} for the tests, and REQUIRE_INFRA=1 asks for one`);
  else console.log(`infra: no ${name}; what needs it is skipped`);
}
