import { invalid } from './app-error.ts';

/** `field -operator value`; `null` for the bare word NULL. */
export interface Comparison {
  kind: 'comparison';
  field: string;
  /** Lower-case, without its dash: "eq", "notcontains", … */
  operator: string;
  value: string | null;
}

/** A query in Keyfactor's language, read but not yet understood. An `and` without parts matches all, an `or` nothing. */
export type Query = Comparison | { kind: 'and' | 'or'; parts: Query[] };

export const MATCHES_ALL: Query = { kind: 'and', parts: [] };
export const MATCHES_NOTHING: Query = { kind: 'or', parts: [] };

const MAX_FILTER_CHARACTERS = 10_000;
const MAX_COMPARISONS = 200;
const MAX_DEPTH = 32;

/** INVALID_ARGUMENT INVALID_FILTER: what is wrong with a filter, and where. */
export function refuseFilter(message: string): never {
  throw invalid('INVALID_FILTER', message);
}

interface Token {
  kind: 'word' | 'operator' | 'quoted' | '(' | ')';
  text: string;
  at: number;
}

/** Words, "quoted values" (with \" and \\), -operators (any dash), parentheses. */
function tokenize(filter: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s*(?:([()])|"((?:[^"\\]|\\.)*)"|[-–—]([A-Za-z]+)|([^\s()"]+))/gy;
  while (pattern.lastIndex < filter.length) {
    if (filter.slice(pattern.lastIndex).trim() === '') break;
    const at = pattern.lastIndex;
    const match =
      pattern.exec(filter) ?? refuseFilter(`The filter has an unfinished "quoted value" at character ${at + 1}.`);
    const [, parenthesis, quoted, operator, word] = match;
    if (parenthesis) tokens.push({ kind: parenthesis as '(' | ')', text: parenthesis, at });
    else if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted.replace(/\\(["\\])/g, '$1'), at });
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator.toLowerCase(), at });
    else tokens.push({ kind: 'word', text: word!, at });
  }
  return tokens;
}

/** Reads `or := and ("OR" and)*`, `and := term ("AND" term)*`, `term := "(" or ")" | field -op value`. */
class QueryParser {
  readonly #tokens: Token[];
  #position = 0;
  #comparisons = 0;

  constructor(filter: string) {
    this.#tokens = tokenize(filter);
  }

  parse(): Query {
    if (this.#tokens.length === 0) return MATCHES_ALL;
    const query = this.#or(0);
    const rest = this.#tokens[this.#position];
    if (rest)
      refuseFilter(`The filter makes no sense at "${rest.text}" (character ${rest.at + 1}): expected AND or OR.`);
    return query;
  }

  #or(depth: number): Query {
    const parts = [this.#and(depth)];
    while (this.#word('or')) parts.push(this.#and(depth));
    return parts.length === 1 ? parts[0]! : { kind: 'or', parts };
  }

  #and(depth: number): Query {
    const parts = [this.#term(depth)];
    while (this.#word('and')) parts.push(this.#term(depth));
    return parts.length === 1 ? parts[0]! : { kind: 'and', parts };
  }

  #word(word: string): boolean {
    const token = this.#tokens[this.#position];
    if (token?.kind !== 'word' || token.text.toLowerCase() !== word) return false;
    this.#position++;
    return true;
  }

  #term(depth: number): Query {
    if (depth > MAX_DEPTH) refuseFilter(`The filter has more than ${MAX_DEPTH} parentheses inside each other.`);
    const token = this.#next('a field name or "("');
    if (token.kind === '(') {
      if (this.#tokens[this.#position]?.kind === ')') {
        this.#position++;
        return MATCHES_ALL;
      }
      const inner = this.#or(depth + 1);
      if (this.#next('")"').kind !== ')') refuseFilter('The filter lacks a ")".');
      return inner;
    }
    if (token.kind !== 'word')
      refuseFilter(`The filter makes no sense at "${token.text}" (character ${token.at + 1}): expected a field name.`);
    if (++this.#comparisons > MAX_COMPARISONS) refuseFilter(`The filter has more than ${MAX_COMPARISONS} comparisons.`);
    const operator = this.#next(`an operator after "${token.text}"`);
    if (operator.kind !== 'operator')
      refuseFilter(`"${operator.text}" after "${token.text}" is not an operator such as -eq.`);
    const value = this.#next(`a value after -${operator.text}`);
    if (value.kind !== 'quoted' && value.kind !== 'word')
      refuseFilter(`There is no value after "${token.text} -${operator.text}".`);
    const isNull = value.kind === 'word' && value.text.toUpperCase() === 'NULL';
    return { kind: 'comparison', field: token.text, operator: operator.text, value: isNull ? null : value.text };
  }

  #next(expected: string): Token {
    return this.#tokens[this.#position++] ?? refuseFilter(`The filter ends early: expected ${expected}.`);
  }
}

/** Reads `CN -eq "web1" AND NotAfter -lt "2027-01-01"`. INVALID_FILTER says what is wrong and where; at most 10,000 characters, 200 comparisons. */
export function parseQuery(filter: string): Query {
  if (filter.length > MAX_FILTER_CHARACTERS)
    refuseFilter(`The filter has more than ${MAX_FILTER_CHARACTERS} characters.`);
  return new QueryParser(filter).parse();
}

/** The same query with every comparison replaced; what then matches all or nothing is folded away. */
export function rewriteQuery(query: Query, replace: (comparison: Comparison) => Query): Query {
  if (query.kind === 'comparison') return replace(query);
  const [neutral, decisive] = query.kind === 'and' ? [MATCHES_ALL, MATCHES_NOTHING] : [MATCHES_NOTHING, MATCHES_ALL];
  const parts = query.parts.map((part) => rewriteQuery(part, replace)).filter((part) => !isSame(part, neutral));
  if (parts.some((part) => isSame(part, decisive))) return decisive;
  return parts.length === 1 ? parts[0]! : { kind: query.kind, parts };
}

export const isSame = (query: Query, constant: Query): boolean =>
  query.kind !== 'comparison' &&
  constant.kind !== 'comparison' &&
  query.parts.length === 0 &&
  query.kind === constant.kind;

/** The text that parseQuery reads as this query; undefined for one that matches nothing, which the language cannot say. */
export function writeQuery(query: Query): string | undefined {
  if (isSame(query, MATCHES_NOTHING)) return undefined;
  if (query.kind === 'comparison') {
    const value = query.value === null ? 'NULL' : `"${query.value.replace(/["\\]/g, '\\$&')}"`;
    return `${query.field} -${query.operator} ${value}`;
  }
  return query.parts.map((part) => `(${writeQuery(part)})`).join(` ${query.kind.toUpperCase()} `);
}
