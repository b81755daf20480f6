import { decodeCursor, encodeCursor, invalid, pageLimit } from '@certferry/core';
import type { Model } from 'mongoose';
import type { DatabaseFilter } from './query-filter.ts';

export interface PageQuery {
  /** 1 to 500; nothing means 50. */
  limit?: number;
  /** nextCursor of the page before; not together with an offset. */
  cursor?: string;
  /** Items to pass over: for callers that count pages. What is added or removed between two pages shifts them. */
  offset?: number;
  /** Whether to count all items that match. */
  withTotal?: boolean;
}

export interface Page<T> {
  items: T[];
  /** Empty on the last page. */
  nextCursor: string;
  /** Absent unless asked for. */
  total?: number;
}

/** One sort of a list: its name in cursors, its path and direction; an index on (path, _id) serves it. */
export interface PageSort {
  name: string;
  path: string;
  direction: 1 | -1;
}

/** A page of a collection in a total order (the id breaks ties); `without` are paths that are not read. */
export async function listPage<T extends { _id: string }>(
  model: Model<T>,
  list: { filter: DatabaseFilter[]; sort: PageSort; without?: string[] },
  { limit: asked, cursor, offset = 0, withTotal }: PageQuery,
): Promise<Page<T>> {
  const limit = pageLimit(asked);
  if (!Number.isInteger(offset) || offset < 0 || (offset > 0 && cursor)) {
    throw invalid('INVALID_FIELD', 'offset must be 0 or more, and not together with a cursor.', { field: 'offset' });
  }
  const { name, path, direction } = list.sort;
  const conditions = list.filter.filter((one) => Object.keys(one).length > 0);
  const page = cursor ? [...conditions, ...after(decodeCursor(cursor, name), path, direction)] : conditions;
  const [found, total] = await Promise.all([
    // Lean documents are what was saved, which mongoose's type for an unknown T does not say.
    model
      .find(together(page))
      .select((list.without ?? []).map((one) => `-${one}`))
      .sort({ [path]: direction, _id: direction })
      .skip(offset)
      .limit(limit + 1)
      .lean() as unknown as Promise<T[]>,
    withTotal ? model.countDocuments(together(conditions)) : undefined,
  ]);
  const items = found.slice(0, limit);
  const last = items.at(-1);
  const nextCursor =
    found.length > limit && last ? encodeCursor({ sort: name, value: sortValue(last, path), id: last._id }) : '';
  return { items, nextCursor, total };
}

/** Filters of a query are checked where they are made; mongoose wants them in the type of each model. */
const together = (conditions: DatabaseFilter[]): never => (conditions.length > 0 ? { $and: conditions } : {}) as never;

/** What comes after the cursor's item, in a form that the sort's index serves. */
function after(cursor: { value: string | number; id: string }, path: string, direction: 1 | -1): DatabaseFilter[] {
  const value = /(At|notAfter)$/.test(path) ? new Date(cursor.value) : cursor.value;
  const [from, beyond] = direction === 1 ? ['$gte', '$gt'] : ['$lte', '$lt'];
  return [{ [path]: { [from]: value } }, { $or: [{ [path]: { [beyond]: value } }, { _id: { [beyond]: cursor.id } }] }];
}

function sortValue(item: object, path: string): string | number {
  let value: unknown = item;
  for (const part of path.split('.')) value = (value as Record<string, unknown>)[part];
  return value instanceof Date ? value.getTime() : (value as string | number);
}
