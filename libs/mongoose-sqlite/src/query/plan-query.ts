import { Buffer } from 'node:buffer';
import type { Filter } from './document.ts';
import { filterBounds, type Bounds } from './filter-bounds.ts';
import type { IndexDefinition } from './index-definition.ts';
import { encodeField } from './index-keys.ts';
import { bracketEnd, bracketStart, encodeKey, prefixEnd } from './key-encoding.ts';
import type { SortSpec } from './sort-documents.ts';

/** An index to plan with; `multikey` once a document had an array in one of its fields. */
export interface PlannableIndex {
  readonly definition: IndexDefinition;
  readonly multikey: boolean;
}

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

/** The index with most equalities, then a range, then the wanted order; a scan when none helps. */
export function planQuery(query: { filter: Filter; sort: SortSpec }, indexes: readonly PlannableIndex[]): Plan {
  const bounds = filterBounds(query.filter);
  const ids = bounds.get('_id')?.equal;
  if (ids) return { stage: 'IDHACK', keys: ids.map(encodeKey), sorted: query.sort.length === 0 || ids.length < 2 };
  let best: { plan: Plan; score: number } = { plan: { stage: 'COLLSCAN', sorted: query.sort.length === 0 }, score: 0 };
  for (const index of indexes) {
    const candidate = planIndex(index, bounds, query.sort);
    if (candidate && candidate.score > best.score) best = candidate;
  }
  return best.plan;
}

function planIndex(
  { definition: index, multikey }: PlannableIndex,
  bounds: Map<string, Bounds>,
  sort: SortSpec,
): { plan: Plan; score: number } | undefined {
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
  const range = next && rangeOf(bounds.get(next.path), { descending: next.descending, multikey });
  excludesMissing ||= range !== undefined;
  if (index.sparse && !excludesMissing) return undefined;
  // Which of an array's elements a plan meets first is not which of them counts in the order.
  const ordered = prefixes.length === 1 && (!multikey || sort.length === 0);
  const order = ordered ? sortOrder(index, equalities, sort) : undefined;
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
