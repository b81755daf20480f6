import { Buffer } from 'node:buffer';
import { encodeField, type IndexDefinition } from './index-definition.ts';
import { bracketEnd, bracketStart, encodeKey, isPlainObject, prefixEnd } from './key-encoding.ts';

export type Filter = Record<string, unknown>;
export type SortSpec = [path: string, direction: 1 | -1][];

/** Index keys from `from` (inclusive) to `to` (exclusive; undefined: no end). */
export interface KeyRange {
  from: Buffer;
  to?: Buffer;
}

/** How documents are found. The whole filter is tested again on what comes out, so a plan only has to miss nothing. */
export type Plan =
  | { stage: 'COLLSCAN'; sorted: boolean }
  | { stage: 'IDHACK'; keys: Buffer[]; sorted: boolean }
  | { stage: 'IXSCAN'; index: IndexDefinition; ranges: KeyRange[]; reverse: boolean; sorted: boolean };

interface Bounds {
  equal?: unknown[];
  lower?: unknown;
  upper?: unknown;
  prefix?: string;
}

/** The index with most equalities, then a range, then the wanted order; a scan when none helps. */
export function planQuery(
  query: { filter: Filter; sort: SortSpec },
  indexes: (IndexDefinition & { multikey: boolean })[],
): Plan {
  const bounds = new Map<string, Bounds>();
  collectBounds(query.filter, bounds);
  const ids = bounds.get('_id')?.equal;
  if (ids) return { stage: 'IDHACK', keys: ids.map(encodeKey), sorted: query.sort.length === 0 || ids.length < 2 };
  let best: { plan: Plan; score: number } = { plan: { stage: 'COLLSCAN', sorted: query.sort.length === 0 }, score: 0 };
  for (const index of indexes) {
    const candidate = planIndex(index, bounds, query.sort);
    if (candidate && candidate.score > best.score) best = candidate;
  }
  return best.plan;
}

/** Reads the conditions that every match must meet: the top level and what is under $and. */
function collectBounds(filter: Filter, bounds: Map<string, Bounds>): void {
  for (const [path, condition] of Object.entries(filter)) {
    if (path === '$and') for (const part of condition as Filter[]) collectBounds(part, bounds);
    if (path.startsWith('$')) continue;
    const found = bounds.get(path) ?? {};
    bounds.set(path, found);
    if (condition instanceof RegExp) found.prefix ??= literalPrefix(condition.source, condition.flags);
    else if (isOperators(condition)) collectOperators(condition, found);
    else found.equal ??= [condition];
  }
}

const isOperators = (condition: unknown): condition is Record<string, unknown> =>
  isPlainObject(condition) && Object.keys(condition).some((key) => key.startsWith('$'));

function collectOperators(operators: Record<string, unknown>, found: Bounds): void {
  for (const [operator, value] of Object.entries(operators)) {
    if (operator === '$eq') found.equal ??= [value];
    if (operator === '$in' && Array.isArray(value) && !value.some((one) => one instanceof RegExp))
      found.equal ??= value as unknown[];
    if (operator === '$gt' || operator === '$gte') found.lower ??= value;
    if (operator === '$lt' || operator === '$lte') found.upper ??= value;
    if (operator === '$regex') {
      const source = value instanceof RegExp ? value.source : String(value);
      const flags = value instanceof RegExp ? value.flags : ((operators['$options'] as string | undefined) ?? '');
      found.prefix ??= literalPrefix(source, flags);
    }
  }
}

/** The text that every match of an anchored expression starts with. */
function literalPrefix(source: string, flags: string): string | undefined {
  if (!source.startsWith('^') || flags !== '' || source.includes('|')) return undefined;
  let prefix = '';
  let i = 1;
  for (; i < source.length; i++) {
    const character = source[i]!;
    if (character === '\\' && i + 1 < source.length && /[^a-zA-Z0-9]/.test(source[i + 1]!)) prefix += source[++i]!;
    else if (/[a-zA-Z0-9 _:@,=/-]/.test(character)) prefix += character;
    else break;
  }
  if (i < source.length && '*?{+'.includes(source[i]!)) prefix = prefix.slice(0, -1);
  return prefix || undefined;
}

function planIndex(index: IndexDefinition & { multikey: boolean }, bounds: Map<string, Bounds>, sort: SortSpec) {
  let prefixes: Buffer[] = [Buffer.alloc(0)];
  let equalities = 0;
  let excludesMissing = false;
  for (; equalities < index.fields.length; equalities++) {
    const equal = bounds.get(index.fields[equalities]!.path)?.equal;
    if (!equal || equal.length * prefixes.length > 1_000) break;
    excludesMissing ||= equal.every((value) => value !== null && value !== undefined);
    const encoded = equal.map((value) => encodeField(index, equalities, encodeKey(value)));
    prefixes = prefixes.flatMap((prefix) => encoded.map((bytes) => Buffer.concat([prefix, bytes])));
  }
  const next = index.fields[equalities];
  const range = next && rangeOf(bounds.get(next.path), { descending: next.descending, multikey: index.multikey });
  excludesMissing ||= range !== undefined;
  if (index.sparse && !excludesMissing) return undefined;
  const order = prefixes.length === 1 ? sortOrder(index, equalities, sort) : undefined;
  const score = equalities * 10 + (range ? 5 : 0) + (order && sort.length > 0 ? 3 : 0);
  if (score === 0) return undefined;
  const ranges = prefixes.map((prefix) => join(prefix, range));
  const sorted = sort.length === 0 || order !== undefined;
  const plan: Plan = { stage: 'IXSCAN', index, ranges, reverse: order === 'backward', sorted };
  return { plan, score };
}

function join(prefix: Buffer, range: KeyRange | undefined): KeyRange {
  if (!range) return { from: prefix, to: prefixEnd(prefix) };
  return {
    from: Buffer.concat([prefix, range.from]),
    to: range.to ? Buffer.concat([prefix, range.to]) : prefixEnd(prefix),
  };
}

/** The part of one field's keys that a match can have. An array may meet both bounds with different elements, so it gets one. */
function rangeOf(bounds: Bounds | undefined, field: { descending: boolean; multikey: boolean }): KeyRange | undefined {
  if (!bounds) return undefined;
  let { lower, upper } = bounds;
  if (bounds.prefix !== undefined) {
    const key = encodeKey(bounds.prefix);
    const start = key.subarray(0, -2);
    return field.descending ? undefined : { from: start, to: prefixEnd(start) };
  }
  if (lower === undefined && upper === undefined) return undefined;
  if (field.multikey && lower !== undefined) upper = undefined;
  if (field.descending) [lower, upper] = [undefined, undefined];
  const low = lower === undefined ? undefined : encodeKey(lower);
  const high = upper === undefined ? undefined : encodeKey(upper);
  if (!low && !high) return undefined;
  return { from: low ?? bracketStart(high!), to: high ? prefixEnd(high) : bracketEnd(low!) };
}

/** Whether reading the index forward or backward gives the wanted order. */
function sortOrder(index: IndexDefinition, equalities: number, sort: SortSpec): 'forward' | 'backward' | undefined {
  const fixed = new Set(index.fields.slice(0, equalities).map((field) => field.path));
  const wanted = sort.filter(([path]) => !fixed.has(path));
  const rest = index.fields.slice(equalities);
  if (wanted.length > rest.length || wanted.some(([path], i) => path !== rest[i]!.path)) return undefined;
  const flips = wanted.map(([, direction], i) => (direction === -1) !== rest[i]!.descending);
  if (flips.every((flip) => !flip)) return 'forward';
  return flips.every(Boolean) ? 'backward' : undefined;
}
