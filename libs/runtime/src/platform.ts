import type { Clock } from '@certferry/core';
import type { Database } from '@certferry/database';
import type { EventBus } from '@certferry/events';
import type { Client, CompatServiceDefinition, DeadlineOptions, ServedService } from '@certferry/rpc';
import type { SecretKeeper } from '@certferry/secrets';
import type { Registry } from 'prom-client';
import type { z } from 'zod';
import type { RuntimeConfig } from './config.ts';
import type { Logger } from './logger.ts';

/** What a service is handed. It never asks which database, which broker, or where another service is. */
export interface Platform {
  config: RuntimeConfig;
  database: Database;
  events: EventBus;
  secrets: SecretKeeper;
  /** A client of another service: a direct call when it is hosted here, gRPC otherwise. */
  client: <D extends CompatServiceDefinition>(definition: D) => Client<D, DeadlineOptions>;
  /** Asks everything this process depends on whether it is there; by name, undefined or what is wrong. */
  checkHealth(): Promise<Record<string, string | undefined>>;
  clock: Clock;
  logger: Logger;
  metrics: Registry;
}

/** A service as the host runs it. */
export interface Service {
  /** What it answers over gRPC. */
  services: ServedService[];
  /** Called when the database is ready and every service is reachable: relays, workers, listeners. */
  begin?(): Promise<void>;
  /** Stops taking work, ends what runs. */
  stop?(): Promise<void>;
}

export interface ServiceModule<S extends z.ZodType = z.ZodType> {
  /** Its section in the config. */
  name: string;
  /** What of the platform it touches; the rest is not opened for it. */
  needs: readonly ('database' | 'events' | 'secrets')[];
  config: S;
  create(platform: Platform, config: z.infer<S>): Promise<Service>;
}

/** Keeps the config's type while modules of different configs share a list. */
export function defineService<S extends z.ZodType>(module: ServiceModule<S>): ServiceModule {
  return module;
}
