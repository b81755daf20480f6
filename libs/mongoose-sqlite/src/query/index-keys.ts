import { Buffer } from 'node:buffer';
import { isPlainObject, type Document } from './document.ts';
import type { IndexDefinition } from './index-definition.ts';
import { EMPTY_ARRAY, encodeKey, invert } from './key-encoding.ts';

/** All values at a dotted path, fanned out over arrays; [undefined] when there is nothing. */
function valuesAt(document: unknown, path: string[]): unknown[] {
  const [head, ...rest] = path;
  if (head === undefined) {
    if (!Array.isArray(document)) return [document];
    return document.length === 0 ? [EMPTY_ARRAY] : document;
  }
  if (Array.isArray(document)) {
    const values = document.filter(isPlainObject).flatMap((element) => valuesAt(element, path));
    return values.length === 0 ? [undefined] : values;
  }
  return isPlainObject(document) ? valuesAt(document[head], rest) : [undefined];
}

/** The keys of what is at a path, at least one. */
export function pathKeys(document: Document, path: string): Buffer[] {
  return valuesAt(document, path.split('.')).map(encodeKey);
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

/** One field's part of an index key. */
export function encodeField(index: IndexDefinition, position: number, key: Buffer): Buffer {
  return index.fields[position]!.descending ? invert(key) : key;
}

function uniqueKeys(keys: Buffer[]): Buffer[] {
  if (keys.length < 2) return keys;
  return [...new Map(keys.map((key) => [key.toString('latin1'), key])).values()];
}
