import { isPlainObject, type Filter } from './document.ts';

/** What a filter asks of one path. */
export interface Bounds {
  equal?: unknown[];
  lower?: unknown;
  upper?: unknown;
  prefix?: string;
}

/** The conditions that every match must meet, by path: the top level and what is under $and. */
export function filterBounds(filter: Filter): Map<string, Bounds> {
  const bounds = new Map<string, Bounds>();
  collectBounds(filter, bounds);
  return bounds;
}

function collectBounds(filter: Filter, bounds: Map<string, Bounds>): void {
  for (const [path, condition] of Object.entries(filter)) {
    if (path === '$and' && Array.isArray(condition))
      for (const part of condition.filter(isPlainObject)) collectBounds(part, bounds);
    if (path.startsWith('$')) continue;
    const found = bounds.get(path) ?? {};
    bounds.set(path, found);
    if (condition instanceof RegExp) found.prefix ??= literalPrefix(condition.source, condition.flags);
    else if (isOperators(condition)) collectOperators(condition, found);
    else if (hasOwnKey(condition)) found.equal ??= [condition];
  }
}

const isOperators = (condition: unknown): condition is Record<string, unknown> =>
  isPlainObject(condition) && Object.keys(condition).some((key) => key.startsWith('$'));

function collectOperators(operators: Record<string, unknown>, found: Bounds): void {
  for (const [operator, value] of Object.entries(operators)) {
    if (operator === '$eq' && hasOwnKey(value)) found.equal ??= [value];
    if (operator === '$in' && Array.isArray(value) && value.every(hasOwnKey)) found.equal ??= value;
    if ((operator === '$gt' || operator === '$gte') && hasOrderedKey(value)) found.lower ??= value;
    if ((operator === '$lt' || operator === '$lte') && hasOrderedKey(value)) found.upper ??= value;
    if (operator === '$regex') {
      const source = value instanceof RegExp ? value.source : String(value);
      const flags = operators['$options'] ?? (value instanceof RegExp ? value.flags : '');
      found.prefix ??= literalPrefix(source, flags);
    }
  }
}

/** Whether an index holds what equals the value under the value's own key: of an array it holds the elements. */
const hasOwnKey = (value: unknown): boolean => !Array.isArray(value) && !(value instanceof RegExp);

/** Whether the keys of what is greater are greater: those of documents only tell them apart. */
const hasOrderedKey = (value: unknown): boolean => hasOwnKey(value) && !isPlainObject(value);

/** The text that every match of an anchored expression starts with. */
function literalPrefix(source: string, flags: unknown): string | undefined {
  if (!source.startsWith('^') || flags !== '' || source.includes('|')) return undefined;
  let prefix = '';
  let i = 1;
  for (; i < source.length; i++) {
    const character = source[i]!;
    if (character === '\\' && i + 1 < source.length && /[!-/:-@[-`{-~]/.test(source[i + 1]!)) prefix += source[++i]!;
    else if (/[a-zA-Z0-9 _:@,=/-]/.test(character)) prefix += character;
    else break;
  }
  if (i < source.length && '*?{+'.includes(source[i]!)) prefix = prefix.slice(0, -1);
  return prefix || undefined;
}
