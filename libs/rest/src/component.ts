import type { z } from 'zod';

const names = new Map<z.ZodType, string>();
const taken = new Set<string>();

/** The schema itself, from now on a component of the OpenAPI document under this name, which must be free. */
export function named<S extends z.ZodType>(name: string, schema: S): S {
  if (taken.has(name)) throw new Error(`There are two schemas named "${name}".`);
  taken.add(name);
  names.set(schema, name);
  return schema;
}

/** Every schema that has a name. */
export const namedSchemas: ReadonlyMap<z.ZodType, string> = names;
