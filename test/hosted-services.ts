import { randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deployment } from '@certferry/deployment';
import { inventory } from '@certferry/inventory';
import { parser } from '@certferry/parser';
import { host, type Host, type Platform, type ServiceModule } from '@certferry/runtime';
import { databaseUrl, freePort, temporaryFolder, useMongoDb, useNats } from '@certferry/testing';

/** One way to run the services: which database, which bus, and whether calls cross the wire. */
export interface Profile {
  name: string;
  environment: (dataDir: string) => NodeJS.ProcessEnv;
  /** Each service in a host of its own, over gRPC. */
  remote: boolean;
}

const [mongodb, nats] = [await useMongoDb(), await useNats()];

/** Every profile that the servers at hand allow. */
export const profiles: Profile[] = [
  { name: 'embedded, in one process', environment: () => ({}), remote: false },
  ...(mongodb && nats
    ? [
        {
          name: `${mongodb.engine} and ${nats.engine}, over gRPC`,
          environment: (dataDir: string) => {
            const kek = join(dataDir, 'kek');
            writeFileSync(kek, randomBytes(32).toString('base64'), { mode: 0o600 });
            return {
              CERTFERRY_DATABASE_URL: databaseUrl(mongodb, `test-${randomUUID()}`),
              CERTFERRY_NATS_URL: nats.url,
              CERTFERRY_KEK_FILE: kek,
            };
          },
          remote: true,
        },
      ]
    : []),
];

export interface TestSystem {
  dataDir: string;
  storesDir: string;
  client: Platform['client'];
  environment: NodeJS.ProcessEnv;
  stop(): Promise<void>;
}

/** Hosts parser, inventory and deployment as the profile says, with new folders and a new database. */
export async function startSystem(profile: Profile, extra: NodeJS.ProcessEnv = {}): Promise<TestSystem> {
  const dataDir = temporaryFolder('data');
  const storesDir = temporaryFolder('stores');
  const environment: NodeJS.ProcessEnv = {
    CERTFERRY_DATA_DIR: dataDir,
    CERTFERRY_STORE_ROOTS: storesDir,
    CERTFERRY_LOG_LEVEL: 'silent',
    ...profile.environment(dataDir),
    ...extra,
  };
  const modules: ServiceModule[] = [parser, inventory, deployment];
  if (!profile.remote) {
    const running = await host(modules, { environment });
    return { dataDir, storesDir, environment, client: running.platform.client, stop: running.stop };
  }
  for (const name of ['PARSER', 'INVENTORY', 'DEPLOYMENT'])
    environment[`CERTFERRY_${name}_ADDRESS`] = `127.0.0.1:${await freePort()}`;
  const hosts: Host[] = [];
  for (const module of modules) hosts.push(await host([module], { environment }));
  const caller = await host([], { environment });
  const stop = async () => {
    for (const one of [caller, ...hosts.reverse()]) await one.stop();
  };
  return { dataDir, storesDir, environment, client: caller.platform.client, stop };
}
