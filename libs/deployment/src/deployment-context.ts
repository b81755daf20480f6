import type { inventoryV1 } from '@certferry/contracts';
import type { Clock } from '@certferry/core';
import type { Database, Numbers } from '@certferry/database';
import type { Client } from '@certferry/rpc';
import type { Logger } from '@certferry/runtime';
import type { SecretKeeper } from '@certferry/secrets';
import type { Outbound } from '@certferry/outbound';
import type { Hooks, StoreAccess } from '@certferry/store-drivers';
import type { ResourceLeases } from '@certferry/work';
import type { Jobs } from './jobs/jobs.ts';
import type { StoreContents } from './places/store-contents.ts';
import type { Stores } from './stores/stores.ts';
import type { Versions } from './versions/versions.ts';

/** What the use cases of this service work with. */
export interface DeploymentContext {
  stores: Stores;
  /** What the server's configuration lets stores run. */
  hooks: Hooks;
  versions: Versions;
  /** One a store: its jobs run one after another. */
  storeLeases: ResourceLeases;
  jobs: Jobs;
  /** What stores hold. */
  contents: StoreContents;
  numbers: Numbers;
  access: StoreAccess;
  /** The way to what is served. */
  outbound: Outbound;
  certificates: Client<typeof inventoryV1.CertificateServiceDefinition>;
  material: Client<typeof inventoryV1.MaterialServiceDefinition>;
  replacements: Client<typeof inventoryV1.ReplacementServiceDefinition>;
  secrets: SecretKeeper;
  database: Database;
  clock: Clock;
  logger: Logger;
  /** Called when a job was saved: events to publish, perhaps work to do. */
  saved: () => void;
}
