import { Context, Query as FullQuery } from 'mingo';
import * as queryOperators from 'mingo/operators/query';
import { Query } from 'mingo/query';
import { isPlainObject, type Filter } from './document.ts';

/** Only what filters without $expr need: mingo copies the operators it is given for every query. */
export const FILTER_OPTIONS = { context: Context.init({ query: queryOperators }) };

/** A filter that tests documents as MongoDB would. */
export function compileFilter(filter: Filter): { test(document: object): boolean } {
  return usesExpressions(filter) ? new FullQuery(filter) : new Query(filter, FILTER_OPTIONS);
}

function usesExpressions(filter: unknown): boolean {
  if (Array.isArray(filter)) return filter.some(usesExpressions);
  if (!isPlainObject(filter)) return false;
  return Object.entries(filter).some(([key, value]) => key === '$expr' || usesExpressions(value));
}
