import { EXPIRING_DAYS } from '../../validate-certificate.ts';
import { JimValidationError } from './errors.ts';

export interface JimListQuery {
  page: number;
  pageSize: number;
  filter: string;
  sort: string;
}

const MAX_DEPTH = 1_000_000;
const DAY_MS = 86_400_000;

/** JIM's properties that lists can be sorted by; every other name is passed over, as JIM does with unknown ones. */
const SORTS: Record<string, string> = {
  name: 'name',
  validto: 'notAfter',
  daysuntilexpiry: 'notAfter',
  createdat: 'createdAt',
};

/** page, pageSize, sortBy, sortDirection and filter of a list, clamped as JIM clamps them. */
export function readListQuery(query: Record<string, unknown>, now: Date): JimListQuery {
  const text = (name: string) => {
    const value = Object.entries(query).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
    return typeof value === 'string' ? value : '';
  };
  const errors: Record<string, string[]> = {};
  const number = (name: string, fallback: number) => {
    if (text(name) === '') return fallback;
    const value = Number(text(name));
    if (!Number.isInteger(value)) errors[name] = [`The value for ${name} is not a whole number.`];
    return value;
  };
  const page = Math.max(1, number('page', 1));
  const asked = number('pageSize', 25);
  const pageSize = asked < 1 ? 25 : Math.min(asked, 100);
  const direction = text('sortDirection');
  if (direction !== '' && direction !== 'asc' && direction !== 'desc')
    errors['sortDirection'] = ["The sort direction must be 'asc' or 'desc'."];
  if (text('sortBy').length > 100) errors['sortBy'] = ['sortBy has at most 100 characters.'];
  if (text('filter').length > 500) errors['filter'] = ['filter has at most 500 characters.'];
  if ((page - 1) * pageSize > MAX_DEPTH) {
    const deepest = Math.floor(MAX_DEPTH / pageSize) + 1;
    errors['page'] = [`Pages reach ${MAX_DEPTH} items deep; the deepest page of ${pageSize} is ${deepest}.`];
  }
  if (Object.keys(errors).length > 0) throw new JimValidationError(errors);
  const sort = SORTS[text('sortBy').toLowerCase()] ?? 'name';
  return {
    page,
    pageSize,
    sort: direction === 'desc' ? `-${sort}` : sort,
    filter: readFilter(text('filter'), now),
  };
}

type Comparison = (operator: string, value: string, now: Date) => string | undefined;

const quote = (value: string): string => `"${value.replace(/["\\]/g, '\\$&')}"`;
const TEXT_OPERATORS = new Set(['eq', 'ne', 'contains', 'startswith', 'endswith']);

const compareText =
  (field: string, prepare: (value: string) => string = (value) => value): Comparison =>
  (operator, value) =>
    TEXT_OPERATORS.has(operator) ? `${field} -${operator} ${quote(prepare(value))}` : undefined;

/** A true-or-false property as the query for true; JIM takes `true` and `false` in any case. */
const compareFlag =
  (whenTrue: (now: Date) => string, whenFalse: (now: Date) => string): Comparison =>
  (operator, value, now) => {
    const wanted = { true: true, false: false }[value.toLowerCase()];
    if (wanted === undefined || (operator !== 'eq' && operator !== 'ne')) return undefined;
    return (operator === 'eq') === wanted ? whenTrue(now) : whenFalse(now);
  };

const before = (now: Date, days: number): string =>
  `NotAfter -lt "${new Date(now.getTime() + days * DAY_MS).toISOString()}"`;
const from = (now: Date, days: number): string =>
  `NotAfter -ge "${new Date(now.getTime() + days * DAY_MS).toISOString()}"`;

/** Whole days, truncated toward zero: 0 is everything less than a day away on either side. */
const compareDays: Comparison = (operator, value, now) => {
  const days = Number(value);
  if (!/^-?\d{1,6}$/.test(value)) return undefined;
  const first = days <= 0 ? days - 1 : days;
  const after = days >= 0 ? days + 1 : days;
  switch (operator) {
    case 'lt':
      return before(now, first);
    case 'lte':
      return before(now, after);
    case 'gt':
      return from(now, after);
    case 'gte':
      return from(now, first);
    case 'eq':
      return `(${from(now, first)} AND ${before(now, after)})`;
    case 'ne':
      return `(${before(now, first)} OR ${from(now, after)})`;
    default:
      return undefined;
  }
};

const PROPERTIES: Record<string, Comparison> = {
  id: (operator, value) => (operator === 'eq' || operator === 'ne' ? `Id -${operator} ${quote(value)}` : undefined),
  name: compareText('Name'),
  thumbprint: compareText('Thumbprint'),
  serialnumber: compareText('SerialNumber', (value) => value.replace(/^00/, '')),
  filepath: compareText('FilePath'),
  notes: compareText('Notes'),
  isenabled: compareFlag(
    () => 'Enabled -eq true',
    () => 'Enabled -eq false',
  ),
  isexpired: compareFlag(
    (now) => before(now, 0),
    (now) => from(now, 0),
  ),
  isexpiringsoon: compareFlag(
    (now) => `(${from(now, 0)} AND ${before(now, EXPIRING_DAYS)})`,
    (now) => `(${before(now, 0)} OR ${from(now, EXPIRING_DAYS)})`,
  ),
  daysuntilexpiry: compareDays,
  sourcetype: (operator, value) => {
    const isFile = { filepath: true, uploaded: false }[value.toLowerCase()];
    if (isFile === undefined || (operator !== 'eq' && operator !== 'ne')) return undefined;
    return `FilePath -${(operator === 'eq') === isFile ? 'ne' : 'eq'} NULL`;
  },
};

/** `property:operator:value`; malformed or unknown is no filter, and without a colon it is a search in the name. */
function readFilter(filter: string, now: Date): string {
  if (filter === '') return '';
  if (!filter.includes(':')) return `Name -contains ${quote(filter)}`;
  const [, property = '', operator = '', value = ''] = /^([^:]*):([^:]*):(.*)$/s.exec(filter) ?? [];
  const compare = Object.hasOwn(PROPERTIES, property.toLowerCase()) ? PROPERTIES[property.toLowerCase()] : undefined;
  return compare?.(operator.toLowerCase(), value, now) ?? '';
}
