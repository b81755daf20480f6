import { randomBytes } from 'node:crypto';
import { FixedClock, newId } from '@certferry/core';
import { deploymentV1 } from '@certferry/contracts';
import { openDatabase, type Database } from '@certferry/database';
import { createMemoryBus, type EventBus } from '@certferry/events';
import type { Client, DeadlineOptions } from '@certferry/rpc';
import { hostServices, type Way } from '@certferry/rpc/testing';
import { createLogger, type Platform } from '@certferry/runtime';
import { createSecretKeeper } from '@certferry/secrets';
import type { HookSettings } from '@certferry/store-drivers';
import { temporaryFolder } from '@certferry/testing';
import { Registry } from 'prom-client';
import { deployment } from '../index.ts';
import { FakeInventory } from './fake-inventory.ts';
import { servePemParser } from './pem-parser.ts';

export const STORE_PASSWORD = 'canary-store-71c4';

export interface TestDeployment {
  stores: Client<typeof deploymentV1.StoreServiceDefinition, DeadlineOptions>;
  deployments: Client<typeof deploymentV1.DeploymentServiceDefinition, DeadlineOptions>;
  jobs: Client<typeof deploymentV1.JobServiceDefinition, DeadlineOptions>;
  versions: Client<typeof deploymentV1.VersionServiceDefinition, DeadlineOptions>;
  probes: Client<typeof deploymentV1.ProbeServiceDefinition, DeadlineOptions>;
  places: Client<typeof deploymentV1.PlaceServiceDefinition, DeadlineOptions>;
  renewals: Client<typeof deploymentV1.RenewalServiceDefinition, DeadlineOptions>;
  events: EventBus;
  inventory: FakeInventory;
  metrics: Registry;
  database: Database;
  databaseFolder: string;
  clock: FixedClock;
  /** Where stores may be. */
  folder: string;
  /** Of a store of PEM files `<name>.crt` and `<name>.key`; answers its id. */
  addPem(name: string): Promise<string>;
  /** Begins to run jobs: until then they wait. */
  work(): Promise<void>;
  /** Ends that, until `work` is called again. */
  rest(): Promise<void>;
  stop(): Promise<void>;
}

/** The whole service on a new embedded database, called one way; so are its peers by it. */
export async function startDeployment(way: Way, hooks: Partial<HookSettings> = {}): Promise<TestDeployment> {
  const databaseFolder = temporaryFolder('deployment');
  const database = await openDatabase(`embedded:${databaseFolder}`);
  // Jobs are due by the clock of the database.
  const clock = new FixedClock(new Date());
  const inventory = new FakeInventory();
  const peers = await hostServices(way, [...inventory.serve(), servePemParser(STORE_PASSWORD)]);
  const folder = temporaryFolder('deployment-stores');
  const secrets = createSecretKeeper(randomBytes(32));
  const logger = createLogger('silent');
  const metrics = new Registry();
  const events = createMemoryBus();
  const platform = { database, events, secrets, client: peers.client, clock, logger, metrics };
  // The service touches nothing else of it.
  const service = await deployment.create(platform as unknown as Platform, {
    storeRoots: folder,
    hooks: {},
    hookPresets: [],
    ...hooks,
    concurrency: 4,
    storeTimeoutSeconds: 30,
    outboundAllow: ['127.0.0.0/8'],
  });
  await database.ready();
  const host = await hostServices(way, service.services);
  const stores = host.client(deploymentV1.StoreServiceDefinition);
  return {
    stores,
    deployments: host.client(deploymentV1.DeploymentServiceDefinition),
    jobs: host.client(deploymentV1.JobServiceDefinition),
    versions: host.client(deploymentV1.VersionServiceDefinition),
    probes: host.client(deploymentV1.ProbeServiceDefinition),
    places: host.client(deploymentV1.PlaceServiceDefinition),
    renewals: host.client(deploymentV1.RenewalServiceDefinition),
    ...{ inventory, events, database, databaseFolder, clock, folder, metrics },
    addPem: async (name) => {
      const config = { certificatePath: `${name}.crt`, keyPath: `${name}.key` };
      return (await stores.createStore({ store: { name: `${name} ${newId()}`, kind: 'pem', config } })).store!.id;
    },
    work: async () => await service.begin!(),
    rest: async () => await service.stop!(),
    stop: async () => {
      await host.close();
      await service.stop!();
      await peers.close();
      await database.close();
    },
  };
}
