import { invalid } from '@certferry/core';
import { z } from 'zod';
import type { StoreDriver } from './store-driver.ts';

/** The config by the driver's schema. INVALID_ARGUMENT INVALID_STORE_CONFIG names every field that is wrong, never its value. */
export function checkConfig(driver: StoreDriver, config: Record<string, unknown>): Record<string, unknown> {
  const parsed = driver.config.safeParse(config);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': '));
  throw invalid('INVALID_STORE_CONFIG', `The config of a "${driver.kind}" store has problems: ${problems.join('; ')}.`);
}

export interface ConfigSchema extends Record<string, unknown> {
  properties?: Record<string, { description?: string; writeOnly?: boolean }>;
  required?: string[];
}

/** The JSON schema of a driver's config, as people and clients read it. */
export function configSchema(driver: StoreDriver): ConfigSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(driver.config);
  return schema as ConfigSchema;
}

/** The fields of a driver's config that are marked writeOnly. */
export function secretFields(driver: StoreDriver): string[] {
  const fields = Object.entries(configSchema(driver).properties ?? {});
  return fields.flatMap(([name, field]) => (field.writeOnly ? [name] : []));
}
