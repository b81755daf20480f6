import { deploymentV1, parserV1 } from '@certferry/contracts';
import { Numbers } from '@certferry/database';
import { createOutboxRelay } from '@certferry/events';
import { defineService } from '@certferry/runtime';
import { z } from 'zod';
import { BulkImports } from './bulk-imports/bulk-imports.ts';
import { BulkWorker } from './bulk-imports/bulk-worker.ts';
import { EnrollmentProfiles } from './enrollment-profiles/enrollment-profiles.ts';
import { Certificates } from './certificates/certificates.ts';
import { createHandlers } from './handlers.ts';
import type { ImportContext } from './imports/import-certificates.ts';
import { Imports } from './imports/imports.ts';
import { MetadataFields } from './metadata-fields/metadata-fields.ts';

/** What certificates there are, with their keys and what people say of them. */
export const inventory = defineService({
  name: 'inventory',
  needs: ['database', 'events', 'secrets'],
  config: z.strictObject({}),
  create: ({ database, events, secrets, client, clock, logger }) => {
    const certificates = new Certificates(database);
    const bulkImports = new BulkImports(database);
    const parser = client(parserV1.ParserServiceDefinition);
    const relay = createOutboxRelay({
      models: [certificates.model as never, bulkImports.model as never],
      bus: events,
      onError: (error) => logger.warn({ err: error }, 'events wait in the outbox'),
    });
    const importing: ImportContext = {
      certificates,
      imports: new Imports(database),
      numbers: new Numbers(database, 'certificates'),
      metadataFields: new MetadataFields(database),
      open: (container) => parser.open(container),
      secrets,
      clock,
      saved: relay.kick,
    };
    const bulk = {
      profiles: new EnrollmentProfiles(database),
      bulkImports,
      numbers: new Numbers(database, 'bulk_imports'),
      parser,
      clock,
      saved: () => {
        relay.kick();
        worker.kick();
      },
    };
    const deployment = client(deploymentV1.DeploymentServiceDefinition);
    const stores = client(deploymentV1.StoreServiceDefinition);
    const jobs = client(deploymentV1.JobServiceDefinition);
    const worker = new BulkWorker({ ...bulk, importing, deployment, database, logger });
    return Promise.resolve({
      services: createHandlers({ ...importing, parser, stores, jobs, bulk }),
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
