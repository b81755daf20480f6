import { update as applyOperators } from 'mingo/updater';
import { FILTER_OPTIONS } from './compile-filter.ts';
import { isPlainObject } from './key-encoding.ts';
import type { Document } from './index-definition.ts';
import type { Filter } from './planner.ts';

export interface UpdateOptions {
  arrayFilters?: Document[];
  upsert?: boolean;
}

type Operators = Record<string, Record<string, unknown>>;

/** Applies update operators to a document in place, as MongoDB would; `filter` gives the positional `$` its element. */
export function applyUpdate(
  document: Document,
  update: Operators,
  context: { filter: Filter; arrayFilters?: Document[] },
): void {
  const { $setOnInsert: _, ...operators } = update;
  if (Object.keys(operators).length === 0) return;
  const condition = JSON.stringify(Object.keys(flatten(operators))).includes('.$') ? context.filter : {};
  applyOperators(document, operators, context.arrayFilters, condition as never, {
    cloneMode: 'none',
    queryOptions: FILTER_OPTIONS,
  });
}

const flatten = (operators: Operators): Record<string, unknown> =>
  Object.assign({}, ...Object.values(operators)) as Record<string, unknown>;

/** The document that an upsert inserts: the filter's equalities, then the update, then $setOnInsert. */
export function upsertDocument(filter: Filter, update: Operators, options: UpdateOptions): Document {
  const document: Document = {};
  const equalities: Record<string, unknown> = {};
  collectEqualities(filter, equalities);
  setFields(document, equalities);
  applyUpdate(document, update, { filter, arrayFilters: options.arrayFilters });
  setFields(document, update['$setOnInsert'] ?? {});
  return document;
}

function collectEqualities(filter: Filter, into: Record<string, unknown>): void {
  for (const [path, condition] of Object.entries(filter)) {
    if (path === '$and') for (const part of condition as Filter[]) collectEqualities(part, into);
    if (path.startsWith('$') || condition instanceof RegExp) continue;
    if (!isPlainObject(condition) || !Object.keys(condition).some((key) => key.startsWith('$'))) into[path] = condition;
    else if ('$eq' in condition) into[path] = condition['$eq'];
  }
}

function setFields(document: Document, { _id, ...fields }: Record<string, unknown>): void {
  if (_id !== undefined) document['_id'] = _id;
  if (Object.keys(fields).length > 0) applyUpdate(document, { $set: fields }, { filter: {} });
}
