import { deploymentV1, inventoryV1, parserV1 } from '@certferry/contracts';
import { Numbers } from '@certferry/database';
import { createOutboxRelay, outboxOf } from '@certferry/events';
import { openOutbound, outboundSettings } from '@certferry/outbound';
import { serve } from '@certferry/rpc';
import { defineService } from '@certferry/runtime';
import { ResourceLeases } from '@certferry/work';
import { createBulkImportHandlers } from './bulk-imports/handlers.ts';
import { Certificates } from './certificates/certificates.ts';
import { ExpiryMetrics } from './certificates/expiry-metrics.ts';
import { createCertificateHandlers } from './certificates/handlers.ts';
import { EnrollmentProfiles } from './enrollment-profiles/enrollment-profiles.ts';
import { createEnrollmentProfileHandlers } from './enrollment-profiles/handlers.ts';
import { createExportHandlers } from './exports/handlers.ts';
import { Contents } from './imports/contents.ts';
import { createImportHandlers } from './imports/handlers.ts';
import { ImportItems } from './imports/import-items.ts';
import { ImportWorker } from './imports/import-worker.ts';
import { Imports } from './imports/imports.ts';
import { createLocationHandlers } from './locations/handlers.ts';
import { createMaterialHandlers } from './material/handlers.ts';
import { createMetadataFieldHandlers } from './metadata-fields/handlers.ts';
import { MetadataFields } from './metadata-fields/metadata-fields.ts';
import { createReplacementHandlers } from './renewals/handlers.ts';
import { createRelinker } from './renewals/relinker.ts';
import { FolderWatch } from './watch/folder-watch.ts';
import { watchConfig } from './watch/watch-config.ts';
import { WatchedFiles } from './watch/watched-files.ts';

/** What certificates there are, with their keys and what people say of them. */
export const inventory = defineService({
  name: 'inventory',
  needs: ['database', 'events', 'secrets'],
  config: outboundSettings.extend({ watch: watchConfig }),
  create: ({ database, events, secrets, client, clock, logger, metrics }, { watch, ...settings }) => {
    const outbound = openOutbound(settings);
    const certificates = new Certificates(database);
    new ExpiryMetrics(metrics, certificates, clock);
    const imports = new Imports(database);
    const relay = createOutboxRelay({
      outboxes: [outboxOf(certificates.model), outboxOf(imports.model)],
      bus: events,
      onError: (error) => logger.warn({ err: error }, 'events wait in the outbox'),
    });
    const saved = () => relay.kick();
    const parser = client(parserV1.ParserServiceDefinition);
    const stores = client(deploymentV1.StoreServiceDefinition);
    const jobs = client(deploymentV1.JobServiceDefinition);
    const places = client(deploymentV1.PlaceServiceDefinition);
    const deployment = client(deploymentV1.DeploymentServiceDefinition);
    const metadataFields = new MetadataFields(database);
    const profiles = new EnrollmentProfiles(database);
    const importing = { certificates, numbers: new Numbers(database, 'certificates'), secrets, clock };
    const taking = {
      ...{ imports, importItems: new ImportItems(database), contents: new Contents(database, secrets) },
      ...{ parser, profiles, metadataFields, clock, saved },
    };
    const worker = new ImportWorker({ ...taking, importing, deployment, database, logger });
    const started = () => {
      saved();
      worker.kick();
    };
    const starting = { ...taking, secrets, bulkNumbers: new Numbers(database, 'bulk_imports'), started };
    const leases = new ResourceLeases(database, 'watch_leases');
    const watching = { ...starting, watchedFiles: new WatchedFiles(database), leases, database, logger };
    const watches = watch.map((folder) => new FolderWatch(watching, folder));
    const keys = { certificates, secrets, parser };
    const relinker = createRelinker({ certificates, clock, saved, logger });
    return Promise.resolve({
      services: [
        serve(
          inventoryV1.CertificateServiceDefinition,
          createCertificateHandlers({ certificates, metadataFields, stores, jobs, places, clock, saved }),
        ),
        serve(inventoryV1.ImportServiceDefinition, createImportHandlers({ ...importing, ...starting, outbound })),
        serve(inventoryV1.BulkImportServiceDefinition, createBulkImportHandlers(starting)),
        serve(
          inventoryV1.EnrollmentProfileServiceDefinition,
          createEnrollmentProfileHandlers({ profiles, imports, clock }),
        ),
        serve(inventoryV1.MetadataFieldServiceDefinition, createMetadataFieldHandlers(metadataFields)),
        serve(inventoryV1.ExportServiceDefinition, createExportHandlers(keys)),
        serve(inventoryV1.MaterialServiceDefinition, createMaterialHandlers(keys)),
        serve(inventoryV1.ReplacementServiceDefinition, createReplacementHandlers({ certificates, clock, saved })),
        serve(inventoryV1.LocationServiceDefinition, createLocationHandlers({ certificates, places })),
      ],
      begin: async () => {
        relay.start();
        relinker.start();
        await worker.start();
        if (database.exclusive) await leases.releaseAll();
        for (const one of watches) one.start();
      },
      stop: async () => {
        await Promise.all(watches.map((one) => one.stop()));
        await worker.stop();
        await relinker.stop();
        await relay.stop();
      },
    });
  },
});
