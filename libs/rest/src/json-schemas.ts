import { z } from 'zod';
import { namedSchemas } from './component.ts';
import type { Operation } from './operation.ts';

/** JSON of the document or of a part of it. */
export type Json = Record<string, unknown>;

/** What is sent (defaults may be left out), or what is answered. */
type Direction = 'input' | 'output';

const PREFIX = '#/components/schemas/';

/** JSON schemas of operations' zod schemas: those that have a name as components, with references to them elsewhere. */
export class JsonSchemas {
  readonly #names: ReadonlyMap<z.ZodType, string>;
  readonly #made: Record<Direction, Record<string, Json>>;
  readonly #asked = new Map<string, Direction>();

  constructor(operations: readonly Operation[]) {
    const names = new Map(namedSchemas);
    for (const schema of operations.flatMap(schemasOf))
      if (!names.has(schema)) names.set(schema, `inline ${names.size}`);
    this.#names = names;
    this.#made = { input: toJson(names, 'input'), output: toJson(names, 'output') };
  }

  /** The schema, or a reference to it if it has a name. */
  of(schema: z.ZodType, direction: Direction): Json {
    const name = this.#names.get(schema)!;
    if (!namedSchemas.has(schema)) return this.#follow(this.#made[direction][name]!, direction);
    this.#ask(name, direction);
    return { $ref: PREFIX + name };
  }

  /** The schemas of an object's members, as they are sent. */
  members(schema: z.ZodObject | undefined): [name: string, schema: Json][] {
    if (!schema) return [];
    return Object.entries(this.of(schema, 'input')['properties'] as Record<string, Json>);
  }

  /** The components that were referred to, directly or not, in the order of their names. */
  used(): Record<string, Json> {
    const sorted = [...this.#asked].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(sorted.map(([name, direction]) => [name, this.#made[direction][name]!]));
  }

  #ask(name: string, direction: Direction): void {
    const before = this.#asked.get(name);
    if (before === direction) return;
    const schema = this.#made[direction][name]!;
    if (before && JSON.stringify(schema) !== JSON.stringify(this.#made[before][name]))
      throw new Error(`The schema "${name}" is sent and answered, and not the same both ways: it needs two names.`);
    this.#asked.set(name, direction);
    this.#follow(schema, direction);
  }

  #follow(schema: Json, direction: Direction): Json {
    for (const [, name] of JSON.stringify(schema).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g))
      this.#ask(name!, direction);
    return schema;
  }
}

function schemasOf({ params, query, body, upload, answers }: Operation): z.ZodType[] {
  const sent = [params, query, body, upload?.fields, upload?.json].filter((one) => one !== undefined);
  const answered = Object.values(answers).flatMap((answer) => {
    if (answer instanceof z.ZodType) return [answer];
    return answer.kind === 'stream' ? [answer.event] : [];
  });
  return [...sent, ...answered];
}

function toJson(names: ReadonlyMap<z.ZodType, string>, io: Direction): Record<string, Json> {
  const registry = z.registry<{ id: string }>();
  for (const [schema, id] of names) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, {
    io,
    uri: (id) => PREFIX + id,
    override: ({ zodSchema, jsonSchema }) => {
      // An answer may have more members one day; zod would say that it never has.
      if (zodSchema._zod.def.type === 'object' && !('catchall' in zodSchema._zod.def && zodSchema._zod.def.catchall))
        delete jsonSchema.additionalProperties;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      delete jsonSchema.propertyNames;
      // The format says it.
      if (jsonSchema.format !== undefined) delete jsonSchema.pattern;
    },
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([name, { $schema: _, $id: _id, id: _name, ...schema }]) => [name, schema as Json]),
  );
}
