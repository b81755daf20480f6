import { Buffer } from 'node:buffer';
import type { Document } from './document.ts';
import { pathKeys } from './index-keys.ts';

/** Paths with their directions, the first counts most. */
export type SortSpec = [path: string, direction: 1 | -1][];

/** The forms in which mongoose hands over a sort. */
export type SortOption = Record<string, unknown> | Map<string, unknown> | [string, unknown][];

/** mongoose's forms of a sort as pairs. */
export function toSortSpec(sort: SortOption | undefined): SortSpec {
  if (!sort) return [];
  const pairs = sort instanceof Map ? [...sort] : Array.isArray(sort) ? sort : Object.entries(sort);
  return pairs.map(([path, direction]) => [
    path,
    direction === -1 || direction === 'desc' || direction === 'descending' ? -1 : 1,
  ]);
}

/** Sorts what was found by the same keys as the indexes do; of an array its least value counts, or descending its greatest. */
export function sortDocuments<T extends { document: Document }>(found: T[], sort: SortSpec): T[] {
  const keyed = found.map((item) => ({ item, keys: sort.map((field) => sortKey(item.document, field)) }));
  keyed.sort((a, b) => {
    for (const [i, [, direction]] of sort.entries()) {
      const order = Buffer.compare(a.keys[i]!, b.keys[i]!);
      if (order !== 0) return order * direction;
    }
    return 0;
  });
  return keyed.map(({ item }) => item);
}

function sortKey(document: Document, [path, direction]: SortSpec[number]): Buffer {
  return pathKeys(document, path).reduce((best, key) => (Buffer.compare(key, best) * direction < 0 ? key : best));
}
