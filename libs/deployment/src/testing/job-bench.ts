import { randomBytes } from 'node:crypto';
import { newId, systemClock } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import { Numbers, openDatabase } from '@certferry/database';
import { Outbound } from '@certferry/outbound';
import { hostServices } from '@certferry/rpc/testing';
import { createLogger } from '@certferry/runtime';
import { createSecretKeeper } from '@certferry/secrets';
import { Hooks, type StoreAccess } from '@certferry/store-drivers';
import { makeCertificate, temporaryFolder } from '@certferry/testing';
import { ResourceLeases } from '@certferry/work';
import { readCertificate } from '@certferry/x509';
import type { DeploymentContext } from '../deployment-context.ts';
import { insertJob } from '../deployments/insert-job.ts';
import type { Job } from '../jobs/job.ts';
import { Jobs } from '../jobs/jobs.ts';
import { runJob } from '../jobs/run-job.ts';
import { StoreContents } from '../places/store-contents.ts';
import type { Store } from '../stores/store.ts';
import { Stores } from '../stores/stores.ts';
import { Versions } from '../versions/versions.ts';
import { FakeInventory } from './fake-inventory.ts';
import { MemoryStore } from './memory-store.ts';

/** Jobs on a store in memory, one attempt at a time. */
export class JobBench {
  static async open(): Promise<JobBench> {
    const database = await openDatabase(`embedded:${temporaryFolder('job-bench')}`);
    const inventory = new FakeInventory();
    const { client } = await hostServices('in process', inventory.serve());
    const bench = new JobBench(inventory);
    const access: StoreAccess = { open: (...to) => bench.store.open(...to) };
    bench.context = {
      ...{ access, database, clock: systemClock, hooks: new Hooks(new Map()), logger: createLogger('silent') },
      jobs: new Jobs(database),
      versions: new Versions(database),
      contents: new StoreContents(database),
      stores: new Stores(database),
      storeLeases: new ResourceLeases(database, 'store_leases'),
      numbers: new Numbers(database, 'jobs'),
      certificates: client(inventoryV1.CertificateServiceDefinition),
      replacements: client(inventoryV1.ReplacementServiceDefinition),
      material: client(inventoryV1.MaterialServiceDefinition),
      secrets: createSecretKeeper(randomBytes(32)),
      outbound: new Outbound({ allow: [] }),
      saved: () => undefined,
    };
    await database.ready();
    return bench;
  }

  readonly #inventory: FakeInventory;
  context!: DeploymentContext;
  store = new MemoryStore();
  storeId = '';

  private constructor(inventory: FakeInventory) {
    this.#inventory = inventory;
  }

  /** A new, empty store. */
  async begin(draft: Partial<Store> = {}): Promise<void> {
    this.store = new MemoryStore();
    this.storeId = newId();
    const [createdAt, updatedAt] = [new Date(), new Date()];
    const named = { _id: this.storeId, name: this.storeId, kind: 'memory', config: {}, labels: [] };
    await this.context.stores.insert({ ...named, createdAt, updatedAt, ...draft });
  }

  /** Queues a job that puts a new certificate under the alias. */
  async queue(alias: string): Promise<Job> {
    const certificate = await makeCertificate({ commonName: 'bench.example.com' });
    const certificateId = this.#inventory.add(certificate);
    const { fingerprintSha256 } = readCertificate(certificate.der);
    const asked = { storeId: this.storeId, certificateId, fingerprintSha256, action: 'add', alias } as const;
    const [now, dueAt] = [new Date(), new Date()];
    return await insertJob(this.context, { ...asked, overwrite: true, includePrivateKey: false }, { now, dueAt });
  }

  find = async ({ _id }: Pick<Job, '_id'>): Promise<Job> => (await this.context.jobs.find(_id))!;

  /** One attempt, as a worker makes it; `lost` ends it where it is, as a kill does. */
  async attempt(job: Pick<Job, '_id'>, lost = new AbortController().signal): Promise<Job> {
    const now = await this.find(job);
    const set = { generation: now.generation + 1, attempts: now.attempts + 1, dueAt: new Date(Date.now() + 30_000) };
    const leased = await this.context.jobs.step(now, { state: 'leased', at: new Date(), set });
    await runJob(this.context, leased!, { held: () => !lost.aborted, lost });
    return await this.find(job);
  }

  close = (): Promise<void> => this.context.database.close();
}
