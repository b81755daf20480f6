import { refuseFilter, type Comparison, type Query } from '@certferry/core';

/** A filter as the database takes it. Values are always scalars, dates or expressions that were built here. */
export type DatabaseFilter = Record<string, unknown>;

/** What a name in a query stands for. */
export type QueryField =
  | { type: 'text'; path: string; as: 'lower' | 'upper' | 'exact'; list?: boolean }
  | { type: 'number'; path: string }
  | { type: 'date'; path: string }
  | { type: 'boolean'; path: string }
  /** The value of one of a list of {key, value} pairs, without case. */
  | { type: 'pair'; path: string; key: string }
  /** A list that is only compared with NULL: whether it is empty. */
  | { type: 'list'; path: string };

const ORDER = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'];
const OPERATORS: Record<QueryField['type'], readonly string[]> = {
  text: ['eq', 'ne', 'contains', 'notcontains', 'startswith', 'endswith'],
  number: ORDER,
  date: ORDER,
  boolean: ['eq', 'ne'],
  pair: ['eq', 'ne', 'contains', 'notcontains', 'startswith', 'endswith'],
  list: ['eq', 'ne'],
};

/**
 * A query as a filter over `fields`. Text is compared without case where its field says so.
 * INVALID_FILTER names unknown fields, operators that do not fit, and values that are not of the field's type.
 */
export function toDatabaseFilter(
  query: Query,
  from: { fields: (name: string) => QueryField | undefined; names: string; now: Date },
): DatabaseFilter {
  if (query.kind !== 'comparison') {
    if (query.parts.length === 0) return query.kind === 'and' ? {} : { _id: { $exists: false } };
    return { [`$${query.kind}`]: query.parts.map((part) => toDatabaseFilter(part, from)) };
  }
  const { field: name, operator } = query;
  const field =
    from.fields(name) ??
    refuseFilter(`There is no field "${name}" to filter by (or not yet); there are ${from.names}.`);
  const operators = OPERATORS[field.type];
  if (!operators.includes(operator)) {
    refuseFilter(
      `"${name}" cannot be compared by -${operator}; it takes ${operators.map((one) => `-${one}`).join(', ')}.`,
    );
  }
  return compare(field, query, from.now);
}

/** Looks fields up in a table of lower-case names. */
export function fieldTable(table: Record<string, QueryField>): {
  fields: (name: string) => QueryField | undefined;
  names: string;
} {
  return {
    fields: (name) => (Object.hasOwn(table, name.toLowerCase()) ? table[name.toLowerCase()] : undefined),
    names: Object.keys(table).join(', '),
  };
}

function compare(field: QueryField, { field: name, operator, value }: Comparison, now: Date): DatabaseFilter {
  if (value === null) return nullComparison(field, operator);
  switch (field.type) {
    case 'pair':
      return pairComparison(field, operator, value);
    case 'text':
      return textComparison(field, operator, value);
    case 'number':
      return { [field.path]: { [`$${mongoOperator(operator)}`]: toNumber(name, value) } };
    case 'boolean':
      return { [field.path]: { [`$${operator}`]: toBoolean(name, value) } };
    case 'date':
      return dateComparison(field.path, operator, toDates(name, value, now));
    case 'list':
      return refuseFilter(`"${name}" can only be compared with NULL.`);
  }
}

const mongoOperator = (operator: string): string => ({ ge: 'gte', le: 'lte' })[operator] ?? operator;
/** A text as part of a regular expression. */
export const escapeExpression = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

function textComparison(field: Extract<QueryField, { type: 'text' }>, operator: string, text: string): DatabaseFilter {
  const value = field.as === 'lower' ? text.toLowerCase() : field.as === 'upper' ? text.toUpperCase() : text;
  const escaped = escapeExpression(value);
  const expression = {
    contains: escaped,
    notcontains: escaped,
    startswith: `^${escaped}`,
    endswith: `${escaped}$`,
  }[operator];
  if (expression === undefined) return { [field.path]: operator === 'ne' ? { $ne: value } : value };
  const found = new RegExp(expression);
  return { [field.path]: operator === 'notcontains' ? { $not: found } : found };
}

/** Pairs that are not there are unequal to everything. */
function pairComparison(
  { path, key }: Extract<QueryField, { type: 'pair' }>,
  operator: string,
  text: string,
): DatabaseFilter {
  const start = operator === 'contains' || operator === 'notcontains' || operator === 'endswith' ? '' : '^';
  const end = operator === 'contains' || operator === 'notcontains' || operator === 'startswith' ? '' : '$';
  const match = { $elemMatch: { key, value: new RegExp(`${start}${escapeExpression(text)}${end}`, 'i') } };
  return { [path]: operator === 'ne' || operator === 'notcontains' ? { $not: match } : match };
}

function nullComparison(field: QueryField, operator: string): DatabaseFilter {
  if (operator !== 'eq' && operator !== 'ne') refuseFilter(`NULL can be compared by -eq and -ne, not by -${operator}.`);
  if (field.type === 'list' || (field.type === 'text' && field.list))
    return { [`${field.path}.0`]: { $exists: operator === 'ne' } };
  if (field.type === 'pair') {
    const match = { $elemMatch: { key: field.key } };
    return { [field.path]: operator === 'ne' ? match : { $not: match } };
  }
  const empty = field.type === 'text' ? '' : null;
  return { [field.path]: operator === 'eq' ? empty : { $ne: empty } };
}

function toNumber(name: string, text: string): number {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value)
    ? value
    : refuseFilter(`"${name}" is compared with a number, not "${text}".`);
}

const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

function toBoolean(name: string, text: string): boolean {
  const value = BOOLEANS.get(text.toLowerCase());
  return value ?? refuseFilter(`"${name}" is compared with true or false, not "${text}".`);
}

const DAY_MS = 86_400_000;

/** A moment, or a whole day ("2027-01-01", %TODAY%, %TODAY+30%) as its first and its next day's first moment. */
function toDates(name: string, text: string, now: Date): { from: Date; to: Date } {
  const today = /^%TODAY(?:([+-])(\d{1,5}))?%$/i.exec(text);
  if (today) {
    const offset = today[1] ? Number(`${today[1]}${today[2]}`) : 0;
    const from = Math.floor(now.getTime() / DAY_MS) * DAY_MS + offset * DAY_MS;
    return { from: new Date(from), to: new Date(from + DAY_MS) };
  }
  const day = /^\d{4}-\d{2}-\d{2}$/.test(text);
  const from = /^\d{4}-\d{2}-\d{2}([T ][\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$/.test(text)
    ? new Date(/[T ].*[Z+-]/.test(text) || day ? text : `${text}Z`)
    : new Date(NaN);
  if (Number.isNaN(from.getTime()))
    refuseFilter(
      `"${name}" is compared with a date such as "2027-01-31", "2027-01-31T12:00:00Z" or "%TODAY+30%", not "${text}".`,
    );
  return { from, to: day ? new Date(from.getTime() + DAY_MS) : new Date(from.getTime() + 1) };
}

function dateComparison(path: string, operator: string, { from, to }: { from: Date; to: Date }): DatabaseFilter {
  switch (operator) {
    case 'eq':
      return { [path]: { $gte: from, $lt: to } };
    case 'ne':
      return { $or: [{ [path]: { $lt: from } }, { [path]: { $gte: to } }] };
    case 'lt':
      return { [path]: { $lt: from } };
    case 'le':
      return { [path]: { $lt: to } };
    case 'gt':
      return { [path]: { $gte: to } };
    default:
      return { [path]: { $gte: from } };
  }
}
