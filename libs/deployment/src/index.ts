import { mkdirSync } from 'node:fs';
import { delimiter } from 'node:path';
import { inventoryV1, parserV1 } from '@certferry/contracts';
import { Numbers } from '@certferry/database';
import { createOutboxRelay } from '@certferry/events';
import { defineService, inDataDir } from '@certferry/runtime';
import { connectDirectly, LocalStoreAccess, StoreRoots } from '@certferry/store-drivers';
import { z } from 'zod';
import type { DeploymentContext } from './deployment-context.ts';
import { createHandlers } from './handlers.ts';
import { Jobs } from './jobs.ts';
import { Stores } from './stores.ts';
import { Worker } from './worker.ts';

/** Stores, and the jobs that change them. */
export const deployment = defineService({
  name: 'deployment',
  needs: ['database', 'events', 'secrets'],
  config: z.strictObject({
    /** Folders below which file stores may be, separated as in PATH. Default: `<data folder>/stores`. */
    storeRoots: z.string().optional(),
    /** Stores that are written at the same time. */
    concurrency: z.coerce.number().int().min(1).max(256).default(16),
  }),
  create: ({ database, events, secrets, client, clock, logger, config: runtime }, config) => {
    const stores = new Stores(database);
    const jobs = new Jobs(database);
    const relay = createOutboxRelay({
      models: [jobs.model as never],
      bus: events,
      onError: (error) => logger.warn({ err: error }, 'events wait in the outbox'),
    });
    const roots = config.storeRoots?.split(delimiter).filter(Boolean) ?? [inDataDir(runtime, 'stores')];
    if (!config.storeRoots) mkdirSync(roots[0]!, { recursive: true, mode: 0o755 });
    const context: DeploymentContext = {
      stores,
      jobs,
      numbers: new Numbers(database, 'jobs'),
      access: new LocalStoreAccess({
        roots: new StoreRoots(roots),
        parser: client(parserV1.ParserServiceDefinition),
        connect: connectDirectly,
      }),
      certificates: client(inventoryV1.CertificateServiceDefinition),
      material: client(inventoryV1.MaterialServiceDefinition),
      secrets,
      database,
      clock,
      logger,
      saved: () => {
        relay.kick();
        worker.kick();
      },
    };
    const worker = new Worker(context, config.concurrency);
    return Promise.resolve({
      services: createHandlers(context),
      begin: async () => {
        relay.start();
        await worker.start();
      },
      stop: async () => {
        await worker.stop();
        await relay.stop();
      },
    });
  },
});
