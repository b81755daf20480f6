import { randomBytes } from 'node:crypto';
import { AppError, FixedClock } from '@certferry/core';
import { deploymentV1, inventoryV1, parserV1 } from '@certferry/contracts';
import { openDatabase, type Database } from '@certferry/database';
import { createMemoryBus, type Event } from '@certferry/events';
import { serve, type Client, type ServedService } from '@certferry/rpc';
import { hostServices, type TestHost, type Way } from '@certferry/rpc/testing';
import { createLogger, type Platform } from '@certferry/runtime';
import { createSecretKeeper } from '@certferry/secrets';
import { temporaryFolder } from '@certferry/testing';
import { Registry } from 'prom-client';
import { inventory } from '../index.ts';
import { createPemParser } from './pem-parser.ts';

/** What answers in the place of the services that the inventory calls; what is not given is UNIMPLEMENTED. */
export interface Peers {
  parser?: Partial<parserV1.ParserServiceImplementation>;
  deployment?: Partial<deploymentV1.DeploymentServiceImplementation>;
  stores?: Partial<deploymentV1.StoreServiceImplementation>;
  jobs?: Partial<deploymentV1.JobServiceImplementation>;
  places?: Partial<deploymentV1.PlaceServiceImplementation>;
}

export interface TestInventory {
  client: TestHost['client'];
  certificates: Client<typeof inventoryV1.CertificateServiceDefinition>;
  imports: Client<typeof inventoryV1.ImportServiceDefinition>;
  database: Database;
  clock: FixedClock;
  metrics: Registry;
  /** What was published, in this order. */
  events: Event[];
  /** While true nothing can be published. */
  bus: { down: boolean };
  /** Imports PEM, which must work; answers the items. */
  take(...pem: string[]): Promise<inventoryV1.ImportItem[]>;
  /** Ends its workers and begins them again, on the same database. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** The whole inventory on a new embedded database, called one way; so are its peers by it. */
export async function startInventory(
  way: Way,
  peers: Peers = {},
  settings: Record<string, unknown> = {},
): Promise<TestInventory> {
  const database = await openDatabase(`embedded:${temporaryFolder('inventory')}`);
  const clock = new FixedClock('2026-11-01T12:00:00Z');
  const others = await hostServices(way, servePeers(peers));
  const events: Event[] = [];
  const bus = { down: false };
  const memory = createMemoryBus();
  await memory.subscribe({
    name: 'test',
    handler: (event) => {
      if (bus.down) return Promise.reject(new Error('the bus is down'));
      events.push(event);
      return Promise.resolve();
    },
  });
  const logger = createLogger('silent');
  const metrics = new Registry();
  const secrets = createSecretKeeper(randomBytes(32));
  const platform = { database, events: memory, secrets, client: others.client, clock, logger, metrics };
  // The inventory touches nothing else of it.
  const service = await inventory.create(platform as unknown as Platform, inventory.config.parse(settings));
  await database.ready();
  const served = await hostServices(way, service.services);
  await service.begin?.();
  const imports = served.client(inventoryV1.ImportServiceDefinition);
  return {
    client: served.client,
    certificates: served.client(inventoryV1.CertificateServiceDefinition),
    imports,
    database,
    clock,
    metrics,
    events,
    bus,
    take: async (...pem) => (await imports.importCertificates({ content: Buffer.from(pem.join('')) })).import!.items,
    restart: async () => {
      await service.stop?.();
      await service.begin?.();
    },
    stop: async () => {
      await served.close();
      await service.stop?.();
      await others.close();
      await database.close();
    },
  };
}

function servePeers({ parser, deployment, stores, jobs, places }: Peers): ServedService[] {
  return [
    serve(parserV1.ParserServiceDefinition, { ...createPemParser(), ...parser }),
    fake(deploymentV1.DeploymentServiceDefinition, deployment),
    fake(deploymentV1.StoreServiceDefinition, stores),
    fake(deploymentV1.JobServiceDefinition, { listJobs: nothing, ...jobs }),
    fake(deploymentV1.PlaceServiceDefinition, { listPlaces: nothing, ...places }),
  ];
}

/** Nothing is deployed, and nothing is about to be. */
const nothing = () => Promise.resolve({ items: [] });

type Definition = ServedService['definition'] & { methods: Record<string, unknown> };

function fake(definition: Definition, methods: object = {}): ServedService {
  const refuse = () =>
    Promise.reject(new AppError({ code: 'UNIMPLEMENTED', reason: 'NOT_FAKED', message: 'The test has no answer.' }));
  const all = Object.fromEntries(Object.keys(definition.methods).map((name) => [name, refuse]));
  return serve(definition, { ...all, ...methods });
}
