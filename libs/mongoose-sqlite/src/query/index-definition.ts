import { unsupported } from './unsupported.ts';

/** An index as the schema declares it. */
export interface IndexDefinition {
  name: string;
  fields: { path: string; descending: boolean }[];
  unique: boolean;
  sparse: boolean;
}

/** createIndex's options that are served. */
export interface IndexOptions {
  name?: string;
  unique?: boolean;
  sparse?: boolean;
}

const KNOWN_OPTIONS = new Set(['name', 'unique', 'sparse', 'background', 'v']);

/** Refuses by name what only MongoDB has: partial, TTL, text, hashed, wildcard and collated indexes. */
export function defineIndex(keys: Record<string, unknown>, options: IndexOptions = {}): IndexDefinition {
  for (const [name, value] of Object.entries(options)) {
    if (value != null && !KNOWN_OPTIONS.has(name)) throw unsupported(`the index option ${name}`);
  }
  const fields = Object.entries(keys).map(([path, direction]) => {
    if (direction !== 1 && direction !== -1) throw unsupported(`an index of type ${String(direction)}`);
    if (path.includes('$')) throw unsupported('a wildcard index');
    return { path, descending: direction === -1 };
  });
  const name = options.name ?? fields.map((field) => `${field.path}_${field.descending ? -1 : 1}`).join('_');
  return { name, fields, unique: options.unique ?? false, sparse: options.sparse ?? false };
}
