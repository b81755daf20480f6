import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AppError, systemClock } from '@certferry/core';
import { openDatabase, type Database } from '@certferry/database';
import { createMemoryBus, openJetStreamBus, type EventBus } from '@certferry/events';
import {
  connectRemote,
  createInProcessClient,
  readTlsFiles,
  startRpcServer,
  type CallObserver,
  type RemoteService,
  type RpcServer,
  type ServedService,
  type TlsFiles,
} from '@certferry/rpc';
import { openSecretKeeper, type SecretKeeper } from '@certferry/secrets';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import type { z } from 'zod';
import { databaseUrl, inDataDir, loadConfig, runtimeConfig, type RuntimeConfig } from './config.ts';
import { createLogger, type Logger } from './logger.ts';
import type { Platform, Service, ServiceModule } from './platform.ts';

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

/** What was opened, to be closed in reverse order. */
class Resources {
  readonly #closers: (() => Promise<void> | void)[] = [];

  add(close: () => Promise<void> | void): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.reverse()) await close();
  }
}

async function start(modules: ServiceModule[], sections: Record<string, unknown>, opened: Resources): Promise<Host> {
  const config = sections['runtime'] as RuntimeConfig;
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const logger = createLogger(config.logLevel);
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
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
  const server = await serveRpc(modules, { config, services, tls, observer });
  if (server) {
    opened.add(() => server.drain());
    logger.info({ port: server.port, services: modules.map((module) => module.name) }, 'serving');
  }
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

function addressOf(config: RuntimeConfig, name: string): string | undefined {
  return { parser: config.parserAddress, inventory: config.inventoryAddress, deployment: config.deploymentAddress }[
    name
  ];
}

async function serveRpc(
  modules: ServiceModule[],
  from: { config: RuntimeConfig; services: Service[]; tls?: TlsFiles; observer: CallObserver },
): Promise<RpcServer | undefined> {
  const { config, tls, observer } = from;
  const address = modules.map((module) => addressOf(config, module.name)).find((one) => one !== undefined);
  const services = from.services.flatMap((service) => service.services);
  if (!address || services.length === 0) return undefined;
  const protoset = readFileSync(fileURLToPath(import.meta.resolve('@certferry/contracts/protoset')));
  const port = Number(address.slice(address.lastIndexOf(':') + 1));
  return await startRpcServer({ host: config.grpcHost, port, services, protoset, tls, observer });
}

/** Who answers which service: somebody in this process, or an address. */
class ServiceDirectory {
  readonly #config: RuntimeConfig;
  readonly #with: { tls?: TlsFiles; observer: CallObserver; opened: Resources };
  readonly #local = new Map<string, ServedService>();
  readonly #remotes = new Map<string, RemoteService>();
  readonly #clients = new Map<string, unknown>();

  constructor(config: RuntimeConfig, options: { tls?: TlsFiles; observer: CallObserver; opened: Resources }) {
    this.#config = config;
    this.#with = options;
  }

  add(services: ServedService[]): void {
    for (const service of services) this.#local.set(service.definition.fullName, service);
  }

  /** Resolved on the first call, when every service of this process has been made. */
  client: Platform['client'] = (definition) => {
    const { fullName } = definition as unknown as { fullName: string };
    const resolveClient = () => {
      const known = this.#clients.get(fullName);
      if (known) return known as Record<string | symbol, unknown>;
      const local = this.#local.get(fullName);
      const client = local
        ? createInProcessClient(definition, local.implementation, this.#with.observer)
        : this.#remote(fullName).client(definition);
      this.#clients.set(fullName, client);
      return client as unknown as Record<string | symbol, unknown>;
    };
    return new Proxy({}, { get: (_, method) => resolveClient()[method] }) as never;
  };

  #remote(fullName: string): RemoteService {
    const name = fullName.split('.')[1] ?? '';
    const address = addressOf(this.#config, name);
    if (!address) {
      const message = `This process does not host the ${name} service: set CERTFERRY_${name.toUpperCase()}_ADDRESS.`;
      throw new AppError({ code: 'FAILED_PRECONDITION', reason: 'NO_ADDRESS', message });
    }
    let remote = this.#remotes.get(name);
    if (!remote) {
      remote = connectRemote(address, this.#with.tls);
      this.#remotes.set(name, remote);
      this.#with.opened.add(() => remote!.close());
    }
    return remote;
  }

  /** Pings the services that have an address and are not hosted here. */
  async checkRemotes(): Promise<Record<string, string | undefined>> {
    for (const name of ['parser', 'inventory', 'deployment']) {
      const hosted = [...this.#local.keys()].some((fullName) => fullName.split('.')[1] === name);
      if (!hosted && addressOf(this.#config, name)) this.#remote(`certferry.${name}`);
    }
    const { HealthDefinition } = await import('nice-grpc-server-health');
    const entries = [...this.#remotes].map(async ([name, remote]) => {
      const problem = await remote
        .client(HealthDefinition)
        .check({ service: '' }, { deadline: 2_000 })
        .then(
          () => undefined,
          (error: Error) => error.message,
        );
      return [name, problem] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  }
}

async function checkHealth(
  platform: Platform,
  directory: ServiceDirectory,
): Promise<Record<string, string | undefined>> {
  const ask = async (ping: Promise<void> | undefined) => (await ping?.catch((error: Error) => error)) ?? undefined;
  const [database, events, remotes] = await Promise.all([
    ask((platform.database as Database | undefined)?.ping()),
    ask((platform.events as EventBus | undefined)?.ping()),
    directory.checkRemotes(),
  ]);
  return { database: database?.message, events: events?.message, ...remotes };
}

function createCallObserver(logger: Logger, metrics: Registry): CallObserver {
  const duration = new Histogram({
    name: 'certferry_rpc_duration_seconds',
    help: 'Duration of the calls this process serves, in-process or over gRPC.',
    labelNames: ['method', 'code'],
    buckets: [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10],
    registers: [metrics],
  });
  return {
    callEnded({ method, requestId, caller, milliseconds, error }) {
      const code = error === undefined ? 'OK' : error instanceof AppError ? error.code : 'INTERNAL';
      duration.observe({ method, code }, milliseconds / 1000);
      if (code === 'INTERNAL') logger.error({ err: error, method, requestId, caller }, 'call failed');
      else logger.debug({ method, requestId, caller, code, milliseconds }, 'call');
    },
  };
}
