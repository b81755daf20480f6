import { mkdirSync } from 'node:fs';
import { delimiter } from 'node:path';
import { deploymentV1, inventoryV1, parserV1 } from '@certferry/contracts';
import { Numbers } from '@certferry/database';
import { createOutboxRelay, outboxOf } from '@certferry/events';
import { openOutbound, outboundSettings } from '@certferry/outbound';
import { serve } from '@certferry/rpc';
import { defineService, inDataDir } from '@certferry/runtime';
import { hookConfig, Hooks, hooksOf } from '@certferry/store-drivers';
import { ResourceLeases } from '@certferry/work';
import { Gauge } from 'prom-client';
import { z } from 'zod';
import type { DeploymentContext } from './deployment-context.ts';
import { createDeploymentHandlers } from './deployments/handlers.ts';
import { createJobHandlers } from './jobs/handlers.ts';
import { JobMetrics } from './jobs/job-metrics.ts';
import { Jobs } from './jobs/jobs.ts';
import { logJobEnd } from './jobs/log-job-end.ts';
import { Worker } from './jobs/worker.ts';
import { createProbeHandlers } from './probes/handlers.ts';
import { KnownAuthorities } from './probes/known-authorities.ts';
import { createContentRebuilder } from './places/content-rebuilder.ts';
import { createPlaceHandlers } from './places/handlers.ts';
import { StoreContents } from './places/store-contents.ts';
import { createRenewalHandlers } from './renewals/handlers.ts';
import { RenewalWorker } from './renewals/renewal-worker.ts';
import { Scheduler } from './schedules/scheduler.ts';
import { createStoreHandlers } from './stores/handlers.ts';
import { reachStores } from './stores/reach-stores.ts';
import { Stores } from './stores/stores.ts';
import { createVersionHandlers } from './versions/handlers.ts';
import { Versions } from './versions/versions.ts';

/** Stores, and the jobs that change them. */
export const deployment = defineService({
  name: 'deployment',
  needs: ['database', 'events', 'secrets'],
  config: outboundSettings.extend({
    /** Folders below which file stores may be, separated as in PATH. Default: `<data folder>/stores`. */
    storeRoots: z.string().optional(),
    /** Stores that are written at the same time. */
    concurrency: z.coerce.number().int().min(1).max(256).default(16),
    /** How long one call to a store may take, in seconds. */
    storeTimeoutSeconds: z.coerce.number().int().min(1).max(300).default(30),
    /** What stores may choose to be run around a write. */
    ...hookConfig,
  }),
  create: async ({ database, events, secrets, client, clock, logger, metrics, config: runtime }, config) => {
    const jobs = new Jobs(database);
    const jobMetrics = new JobMetrics(metrics, jobs, () => database.now());
    jobs.onEnd = (job) => {
      jobMetrics.ended(job);
      logJobEnd(logger, job);
    };
    const outbound = openOutbound(config);
    const certificates = client(inventoryV1.CertificateServiceDefinition);
    const relay = createOutboxRelay({
      outboxes: [outboxOf(jobs.model)],
      bus: events,
      onError: (error) => logger.warn({ err: error }, 'events wait in the outbox'),
    });
    const roots = config.storeRoots?.split(delimiter).filter(Boolean) ?? [inDataDir(runtime, 'stores')];
    if (!config.storeRoots) mkdirSync(roots[0]!, { recursive: true, mode: 0o755 });
    const { concurrency, storeTimeoutSeconds: timeoutSeconds } = config;
    const parser = client(parserV1.ParserServiceDefinition);
    const reached = reachStores({ roots, parser, concurrency, timeoutSeconds, metrics });
    const context: DeploymentContext = {
      stores: new Stores(database),
      hooks: new Hooks(hooksOf(config)),
      versions: new Versions(database),
      storeLeases: new ResourceLeases(database, 'store_leases'),
      jobs,
      contents: new StoreContents(database),
      numbers: new Numbers(database, 'jobs'),
      access: reached.forCallers,
      certificates,
      outbound,
      material: client(inventoryV1.MaterialServiceDefinition),
      replacements: client(inventoryV1.ReplacementServiceDefinition),
      secrets,
      database,
      clock,
      logger,
      saved: () => {
        relay.kick();
        worker.kick();
        scheduler.kick();
      },
    };
    const authorities = new KnownAuthorities(certificates, outbound.ca);
    const worker = new Worker({ ...context, access: reached.forJobs }, concurrency);
    new Gauge({
      name: 'certferry_parked_stores',
      help: 'Stores that do not answer, whose jobs wait until a probe does.',
      registers: [metrics],
      collect() {
        this.set(worker.parked);
      },
    });
    const scheduler = new Scheduler(context);
    const renewals = new RenewalWorker(context);
    const rebuilder = createContentRebuilder(context);
    // Before any relay begins: in memory, an event that nobody listens to is gone.
    await events.subscribe({
      name: 'deployment-renewals',
      handler: (event) => Promise.resolve(renewals.hear(event)),
    });
    return {
      services: [
        serve(deploymentV1.StoreServiceDefinition, createStoreHandlers(context)),
        serve(deploymentV1.DeploymentServiceDefinition, createDeploymentHandlers(context)),
        serve(deploymentV1.JobServiceDefinition, createJobHandlers(context)),
        serve(deploymentV1.VersionServiceDefinition, createVersionHandlers(context)),
        serve(deploymentV1.ProbeServiceDefinition, createProbeHandlers({ outbound, authorities, clock })),
        serve(deploymentV1.RenewalServiceDefinition, createRenewalHandlers(context)),
        serve(deploymentV1.PlaceServiceDefinition, createPlaceHandlers(context)),
      ],
      begin: async () => {
        relay.start();
        reached.forJobs.warm();
        await worker.start();
        scheduler.start();
        rebuilder.start();
        renewals.start();
      },
      stop: async () => {
        await renewals.stop();
        await rebuilder.stop();
        await scheduler.stop();
        await worker.stop();
        await reached.close();
        await relay.stop();
      },
    };
  },
});
