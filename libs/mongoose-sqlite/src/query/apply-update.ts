import { update as applyOperators } from 'mingo/updater';
import { FILTER_OPTIONS } from './compile-filter.ts';
import { isPlainObject, type Document, type Filter } from './document.ts';

/** The options of an update that are served. */
export interface UpdateOptions {
  arrayFilters?: Document[];
  upsert?: boolean;
}

/** An update by operators: `{ $set: { path: value } }`. */
export type UpdateOperators = Record<string, Record<string, unknown>>;

/** Applies update operators to a document in place, as MongoDB would; `filter` gives the positional `$` its element. */
export function applyUpdate(
  document: Document,
  update: UpdateOperators,
  context: { filter: Filter; arrayFilters?: Document[] },
): void {
  const { $setOnInsert: _, ...operators } = update;
  if (Object.keys(operators).length === 0) return;
  const paths = Object.values(operators).flatMap(Object.keys);
  const condition = paths.some((path) => path.includes('.$')) ? context.filter : {};
  applyOperators(document, operators, context.arrayFilters, condition, {
    cloneMode: 'none',
    queryOptions: FILTER_OPTIONS,
  });
}

/** The document that an upsert inserts: the filter's equalities, then the update, then $setOnInsert. */
export function upsertDocument(filter: Filter, update: UpdateOperators, options: UpdateOptions): Document {
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
    if (path === '$and' && Array.isArray(condition))
      for (const part of condition.filter(isPlainObject)) collectEqualities(part, into);
    if (path.startsWith('$') || condition instanceof RegExp) continue;
    if (!isPlainObject(condition) || !Object.keys(condition).some((key) => key.startsWith('$'))) into[path] = condition;
    else if ('$eq' in condition) into[path] = condition['$eq'];
  }
}

function setFields(document: Document, { _id, ...fields }: Record<string, unknown>): void {
  if (_id !== undefined) document['_id'] = _id;
  if (Object.keys(fields).length > 0) applyUpdate(document, { $set: fields }, { filter: {} });
}
