import { existsSync, mkdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { AppError, systemClock } from '@certferry/core';
import { openDatabase, type Database } from '@certferry/database';
import { createMemoryBus, openJetStreamBus, type EventBus } from '@certferry/events';
import { readTlsFiles, type TlsFiles } from '@certferry/rpc';
import { openSecretKeeper, type SecretKeeper } from '@certferry/secrets';
import { Registry } from 'prom-client';
import type { z } from 'zod';
import { createCallObserver } from './call-observer.ts';
import { checkHealth } from './check-health.ts';
import { collectProcessMetrics } from './process-metrics.ts';
import { databaseUrl, inDataDir, loadConfig, runtimeConfig, type RuntimeConfig } from './config.ts';
import { createLogger } from './logger.ts';
import type { Platform, Service, ServiceModule } from './platform.ts';
import { Resources } from './resources.ts';
import { serveMetrics } from './serve-metrics.ts';
import { serveRpc } from './serve-rpc.ts';
import { ServiceDirectory } from './service-directory.ts';

export interface Host {
  platform: Platform;
  /** Drains and closes everything, last opened first. */
  stop(): Promise<void>;
}

/** Runs a list of services in this process. Which database, which bus and which addresses is only config. */
export async function host(
  modules: ServiceModule[],
  from: { environment: NodeJS.ProcessEnv; profile?: string },
): Promise<Host> {
  const schemas: Record<string, z.ZodType> = { runtime: runtimeConfig };
  for (const module of modules) schemas[module.name] = module.config;
  const sections = loadConfig(schemas, from);
  const opened = new Resources();
  try {
    return await start(modules, sections, opened);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function start(modules: ServiceModule[], sections: Record<string, unknown>, opened: Resources): Promise<Host> {
  const config = sections['runtime'] as RuntimeConfig;
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const logger = createLogger(config.logLevel);
  const metrics = new Registry();
  collectProcessMetrics(metrics);
  const observer = createCallObserver(logger, metrics);
  const needs = new Set(modules.flatMap((module) => module.needs));
  const tls = readTls(config);
  const directory = new ServiceDirectory(config, { tls, observer, opened });
  const platform: Platform = {
    config,
    // A module that did not say it needs one of these three does not touch it.
    secrets: needs.has('secrets') ? openSecrets(config) : (undefined as unknown as SecretKeeper),
    database: needs.has('database') ? await openDatabase(databaseUrl(config)) : (undefined as unknown as Database),
    events: needs.has('events') ? await openEvents(config) : (undefined as unknown as EventBus),
    client: (definition) => directory.client(definition),
    checkHealth: () => checkHealth(platform, directory),
    clock: systemClock,
    logger,
    metrics,
  };
  if (needs.has('database')) opened.add(() => platform.database.close());
  if (needs.has('events')) opened.add(() => platform.events.close());
  const services: Service[] = [];
  for (const module of modules) {
    const service = await module.create(
      { ...platform, logger: logger.child({ service: module.name }) },
      sections[module.name],
    );
    services.push(service);
    directory.add(service.services);
  }
  if (needs.has('database')) await platform.database.ready();
  const hosted = modules.map(({ name }, index) => ({ name, services: services[index]!.services }));
  if (config.metricsAddress) opened.add(await serveMetrics(metrics, config.metricsAddress));
  await serveRpc(hosted, { config, tls, observer, logger, opened });
  for (const service of services) {
    if (service.stop) opened.add(() => service.stop!());
    await service.begin?.();
  }
  return { platform, stop: () => opened.close() };
}

function openSecrets(config: RuntimeConfig): SecretKeeper {
  const embedded = config.databaseUrl.startsWith('embedded:');
  const fresh = embedded && !existsSync(resolve(databaseUrl(config).slice('embedded:'.length), 'certferry.sqlite'));
  return openSecretKeeper(config.kekFile ?? inDataDir(config, 'kek'), { create: fresh });
}

async function openEvents(config: RuntimeConfig): Promise<EventBus> {
  return config.natsUrl ? await openJetStreamBus(config.natsUrl) : createMemoryBus();
}

function readTls(config: RuntimeConfig): TlsFiles | undefined {
  const { grpcTlsCa: ca, grpcTlsCert: cert, grpcTlsKey: key } = config;
  if (!ca && !cert && !key) return undefined;
  if (ca && cert && key) return readTlsFiles({ ca, cert, key });
  const message = 'CERTFERRY_GRPC_TLS_CA, CERTFERRY_GRPC_TLS_CERT and CERTFERRY_GRPC_TLS_KEY go together.';
  throw new AppError({ code: 'INVALID_ARGUMENT', reason: 'INVALID_CONFIG', message });
}
