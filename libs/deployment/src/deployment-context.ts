import type { inventoryV1 } from '@certferry/contracts';
import type { Clock } from '@certferry/core';
import type { Database, Numbers } from '@certferry/database';
import type { Client } from '@certferry/rpc';
import type { Logger } from '@certferry/runtime';
import type { SecretKeeper } from '@certferry/secrets';
import type { StoreAccess } from '@certferry/store-drivers';
import type { Jobs } from './jobs.ts';
import type { Stores } from './stores.ts';

/** What the use cases of this service work with. */
export interface DeploymentContext {
  stores: Stores;
  jobs: Jobs;
  numbers: Numbers;
  access: StoreAccess;
  certificates: Client<typeof inventoryV1.CertificateServiceDefinition>;
  material: Client<typeof inventoryV1.MaterialServiceDefinition>;
  secrets: SecretKeeper;
  database: Database;
  clock: Clock;
  logger: Logger;
  /** Called when a job was saved: events to publish, perhaps work to do. */
  saved: () => void;
}
