import { Buffer } from 'node:buffer';
import { EMPTY_ARRAY, encodeKey, invert, isPlainObject } from './key-encoding.ts';
import { unsupported } from './unsupported.ts';

export type Document = Record<string, unknown>;

/** An index as the schema declares it. */
export interface IndexDefinition {
  name: string;
  fields: { path: string; descending: boolean }[];
  unique: boolean;
  sparse: boolean;
}

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

/** All values at a dotted path, fanned out over arrays; [undefined] when there is nothing. */
export function valuesAt(document: unknown, path: string[]): unknown[] {
  const [head, ...rest] = path;
  if (head === undefined) {
    if (!Array.isArray(document)) return [document];
    return document.length === 0 ? [EMPTY_ARRAY] : (document as unknown[]);
  }
  if (Array.isArray(document)) {
    const values = document.filter(isPlainObject).flatMap((element) => valuesAt(element, path));
    return values.length === 0 ? [undefined] : values;
  }
  return isPlainObject(document) ? valuesAt(document[head], rest) : [undefined];
}

/** The keys under which an index holds a document: none when sparse and absent, several when a field is an array. */
export function indexKeys(index: IndexDefinition, document: Document): { keys: Buffer[]; multikey: boolean } {
  const values = index.fields.map((field) => valuesAt(document, field.path.split('.')));
  if (index.sparse && values.every((list) => list.every((value) => value === undefined)))
    return { keys: [], multikey: false };
  let keys: Buffer[] = [Buffer.alloc(0)];
  values.forEach((list, i) => {
    const encoded = list.map((value) => encodeField(index, i, encodeKey(value)));
    keys = keys.flatMap((prefix) => encoded.map((bytes) => Buffer.concat([prefix, bytes])));
  });
  const multikey = values.some((list) => list.length > 1 || list[0] === EMPTY_ARRAY) || isArrayField(index, document);
  return { keys: uniqueKeys(keys), multikey };
}

function isArrayField(index: IndexDefinition, document: Document): boolean {
  return index.fields.some(({ path }) => {
    let value: unknown = document;
    for (const part of path.split('.')) {
      if (Array.isArray(value)) return true;
      value = isPlainObject(value) ? value[part] : undefined;
    }
    return Array.isArray(value);
  });
}

export function encodeField(index: IndexDefinition, position: number, key: Buffer): Buffer {
  return index.fields[position]!.descending ? invert(key) : key;
}

function uniqueKeys(keys: Buffer[]): Buffer[] {
  if (keys.length < 2) return keys;
  return [...new Map(keys.map((key) => [key.toString('latin1'), key])).values()];
}
