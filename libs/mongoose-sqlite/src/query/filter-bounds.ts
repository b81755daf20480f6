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
    else found.equal ??= [condition];
  }
}

const isOperators = (condition: unknown): condition is Record<string, unknown> =>
  isPlainObject(condition) && Object.keys(condition).some((key) => key.startsWith('$'));

function collectOperators(operators: Record<string, unknown>, found: Bounds): void {
  for (const [operator, value] of Object.entries(operators)) {
    if (operator === '$eq') found.equal ??= [value];
    if (operator === '$in' && Array.isArray(value) && !value.some((one) => one instanceof RegExp))
      found.equal ??= value;
    if (operator === '$gt' || operator === '$gte') found.lower ??= value;
    if (operator === '$lt' || operator === '$lte') found.upper ??= value;
    if (operator === '$regex') {
      const source = value instanceof RegExp ? value.source : String(value);
      const flags = value instanceof RegExp ? value.flags : (operators['$options'] ?? '');
      found.prefix ??= literalPrefix(source, flags);
    }
  }
}

/** The text that every match of an anchored expression starts with. */
function literalPrefix(source: string, flags: unknown): string | undefined {
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
