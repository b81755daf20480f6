import { Context } from 'mingo';
import * as accumulatorOperators from 'mingo/operators/accumulator';
import * as expressionOperators from 'mingo/operators/expression';
import * as queryOperators from 'mingo/operators/query';
import { Query } from 'mingo/query';
import { isPlainObject, type Filter } from './document.ts';
import { textComparison } from './text-comparison.ts';

const query = { ...queryOperators, ...textComparison };

/** Only what filters without $expr need: mingo copies the operators it is given for every query. */
export const FILTER_OPTIONS = { context: Context.init({ query }) };
const EXPRESSION_OPTIONS = {
  context: Context.init({ query, expression: expressionOperators, accumulator: accumulatorOperators }),
};

/** A filter that tests documents as MongoDB would. */
export function compileFilter(filter: Filter): { test(document: object): boolean } {
  return new Query(filter, usesExpressions(filter) ? EXPRESSION_OPTIONS : FILTER_OPTIONS);
}

function usesExpressions(filter: unknown): boolean {
  if (Array.isArray(filter)) return filter.some(usesExpressions);
  if (!isPlainObject(filter)) return false;
  return Object.entries(filter).some(([key, value]) => key === '$expr' || usesExpressions(value));
}
