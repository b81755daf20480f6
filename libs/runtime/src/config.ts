import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { AppError } from '@certferry/core';
import { z } from 'zod';
import { DEFAULT_DATA_DIR } from './compile-cache.ts';
import { readEnvironment, type Settings } from './environment.ts';

const address = z.string().regex(/^[^\s:]+:\d{1,5}$/, 'must be host:port');

/** What every process needs to know, whatever it hosts. */
export const runtimeConfig = z.strictObject({
  /** Keys, the embedded database, TLS certificates and the default stores. */
  dataDir: z.string().default(DEFAULT_DATA_DIR),
  /** `embedded:` (in the data folder), `embedded:<folder>` or `mongodb://…`. */
  databaseUrl: z.string().default('embedded:'),
  /** None: events are delivered in memory. */
  natsUrl: z.string().optional(),
  /** 32 bytes as base64. Default: `<dataDir>/kek`, made at the first start on the embedded database. */
  kekFile: z.string().optional(),
  logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** Where gRPC listens; the port is that of the hosted service's address. */
  grpcHost: z.string().default('127.0.0.1'),
  grpcTlsCa: z.string().optional(),
  grpcTlsCert: z.string().optional(),
  grpcTlsKey: z.string().optional(),
  /** Where the services are that this process does not host; of a hosted one, where it is served to others. */
  parserAddress: address.optional(),
  inventoryAddress: address.optional(),
  deploymentAddress: address.optional(),
  /** Where this process serves its metrics besides the gateway's own; none: nowhere. */
  metricsAddress: address.optional(),
});

export type RuntimeConfig = z.infer<typeof runtimeConfig>;

/** Sections that a profile may have; of those that are not hosted only the name is checked. */
const SECTIONS = ['runtime', 'gateway', 'parser', 'inventory', 'deployment'];

/**
 * Defaults < profile file < environment, each section by its own strict schema.
 * Throws INVALID_ARGUMENT INVALID_CONFIG with all problems at once.
 */
export function loadConfig(
  schemas: Record<string, z.ZodType>,
  from: { environment: NodeJS.ProcessEnv; profile?: string },
): Record<string, unknown> {
  const problems: string[] = [];
  const { settings, unknown } = readEnvironment(from.environment);
  problems.push(...unknown.map((name) => `${name}: there is no such variable`));
  const file = readProfile(from.environment['CERTFERRY_CONFIG'] ?? from.profile, problems);
  for (const section of Object.keys(file))
    if (!SECTIONS.includes(section)) problems.push(`${section}: there is no such section`);
  const config: Record<string, unknown> = {};
  for (const [section, schema] of Object.entries(schemas)) {
    const parsed = schema.safeParse({ ...file[section], ...settings[section] });
    if (parsed.success) config[section] = parsed.data;
    else
      problems.push(...parsed.error.issues.map((issue) => `${[section, ...issue.path].join('.')}: ${issue.message}`));
  }
  if (problems.length > 0) {
    throw new AppError({
      code: 'INVALID_ARGUMENT',
      reason: 'INVALID_CONFIG',
      message: `The configuration has problems:\n  ${problems.join('\n  ')}`,
    });
  }
  return config;
}

function readProfile(path: string | undefined, problems: string[]): Settings {
  if (!path) return {};
  if (!existsSync(path)) {
    problems.push(`CERTFERRY_CONFIG: there is no file ${path}`);
    return {};
  }
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Settings;
  } catch {
    problems.push(`${path}: is not JSON`);
    return {};
  }
}

/** `path` below the data folder unless it is absolute. */
export const inDataDir = (config: RuntimeConfig, path: string): string =>
  isAbsolute(path) ? path : resolve(config.dataDir, path);

/** The database URL with the folder of a bare `embedded:` filled in. */
export function databaseUrl(config: RuntimeConfig): string {
  return config.databaseUrl === 'embedded:' ? `embedded:${inDataDir(config, 'database')}` : config.databaseUrl;
}
