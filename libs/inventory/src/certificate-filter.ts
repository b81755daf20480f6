import { invalid } from '@certferry/core';

/** A filter as the database takes it. Values are always scalars, dates or expressions that were built here. */
export type DatabaseFilter = Record<string, unknown>;

type Field =
  | { type: 'text'; path: string; as: 'lower' | 'upper' | 'exact' }
  | { type: 'number'; path: string }
  | { type: 'date'; path: string }
  | { type: 'boolean'; path: string };

/** Field names of Keyfactor's query language (without case) and a few of our own. */
const FIELDS: Record<string, Field> = {
  cn: { type: 'text', path: 'search.commonName', as: 'lower' },
  issuedcn: { type: 'text', path: 'search.commonName', as: 'lower' },
  dn: { type: 'text', path: 'search.subject', as: 'lower' },
  issueddn: { type: 'text', path: 'search.subject', as: 'lower' },
  issuerdn: { type: 'text', path: 'search.issuer', as: 'lower' },
  san: { type: 'text', path: 'search.alternativeNames', as: 'lower' },
  serialnumber: { type: 'text', path: 'facts.serialNumber', as: 'upper' },
  thumbprint: { type: 'text', path: 'thumbprint', as: 'upper' },
  fingerprint: { type: 'text', path: 'fingerprintSha256', as: 'lower' },
  keytype: { type: 'text', path: 'search.keyAlgorithm', as: 'lower' },
  signingalgorithm: { type: 'text', path: 'search.signatureAlgorithm', as: 'lower' },
  name: { type: 'text', path: 'search.name', as: 'lower' },
  tag: { type: 'text', path: 'tags', as: 'exact' },
  keysize: { type: 'number', path: 'facts.keySize' },
  notbefore: { type: 'date', path: 'facts.notBefore' },
  issueddate: { type: 'date', path: 'facts.notBefore' },
  notafter: { type: 'date', path: 'facts.notAfter' },
  expirationdate: { type: 'date', path: 'facts.notAfter' },
  importdate: { type: 'date', path: 'createdAt' },
  hasprivatekey: { type: 'boolean', path: 'hasPrivateKey' },
  enabled: { type: 'boolean', path: 'enabled' },
};

const OPERATORS: Record<Field['type'], readonly string[]> = {
  text: ['eq', 'ne', 'contains', 'notcontains', 'startswith', 'endswith'],
  number: ['eq', 'ne', 'gt', 'ge', 'lt', 'le'],
  date: ['eq', 'ne', 'gt', 'ge', 'lt', 'le'],
  boolean: ['eq', 'ne'],
};

const MAX_FILTER_CHARACTERS = 10_000;
const MAX_COMPARISONS = 200;
const MAX_DEPTH = 32;

function refuse(message: string): never {
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
    const match = pattern.exec(filter) ?? refuse(`The filter has an unfinished "quoted value" at character ${at + 1}.`);
    const [, parenthesis, quoted, operator, word] = match;
    if (parenthesis) tokens.push({ kind: parenthesis as '(' | ')', text: parenthesis, at });
    else if (quoted !== undefined) tokens.push({ kind: 'quoted', text: quoted.replace(/\\(["\\])/g, '$1'), at });
    else if (operator !== undefined) tokens.push({ kind: 'operator', text: operator.toLowerCase(), at });
    else tokens.push({ kind: 'word', text: word!, at });
  }
  return tokens;
}

/** Reads `or := and ("OR" and)*`, `and := term ("AND" term)*`, `term := "(" or ")" | field -op value`. */
class FilterParser {
  readonly #tokens: Token[];
  readonly #now: Date;
  #position = 0;
  #comparisons = 0;

  constructor(filter: string, now: Date) {
    this.#tokens = tokenize(filter);
    this.#now = now;
  }

  parse(): DatabaseFilter {
    if (this.#tokens.length === 0) return {};
    const filter = this.#or(0);
    const rest = this.#tokens[this.#position];
    if (rest) refuse(`The filter makes no sense at "${rest.text}" (character ${rest.at + 1}): expected AND or OR.`);
    return filter;
  }

  #or(depth: number): DatabaseFilter {
    const parts = [this.#and(depth)];
    while (this.#word('or')) parts.push(this.#and(depth));
    return parts.length === 1 ? parts[0]! : { $or: parts };
  }

  #and(depth: number): DatabaseFilter {
    const parts = [this.#term(depth)];
    while (this.#word('and')) parts.push(this.#term(depth));
    return parts.length === 1 ? parts[0]! : { $and: parts };
  }

  #word(word: string): boolean {
    const token = this.#tokens[this.#position];
    if (token?.kind !== 'word' || token.text.toLowerCase() !== word) return false;
    this.#position++;
    return true;
  }

  #term(depth: number): DatabaseFilter {
    if (depth > MAX_DEPTH) refuse(`The filter has more than ${MAX_DEPTH} parentheses inside each other.`);
    const token = this.#next('a field name or "("');
    if (token.kind === '(') {
      if (this.#tokens[this.#position]?.kind === ')') {
        this.#position++;
        return {};
      }
      const inner = this.#or(depth + 1);
      if (this.#next('")"').kind !== ')') refuse('The filter lacks a ")".');
      return inner;
    }
    if (token.kind !== 'word')
      refuse(`The filter makes no sense at "${token.text}" (character ${token.at + 1}): expected a field name.`);
    if (++this.#comparisons > MAX_COMPARISONS) refuse(`The filter has more than ${MAX_COMPARISONS} comparisons.`);
    const operator = this.#next(`an operator after "${token.text}"`);
    if (operator.kind !== 'operator')
      refuse(`"${operator.text}" after "${token.text}" is not an operator such as -eq.`);
    const value = this.#next(`a value after -${operator.text}`);
    if (value.kind !== 'quoted' && value.kind !== 'word')
      refuse(`There is no value after "${token.text} -${operator.text}".`);
    return this.#comparison(token.text, operator.text, value);
  }

  #next(expected: string): Token {
    return this.#tokens[this.#position++] ?? refuse(`The filter ends early: expected ${expected}.`);
  }

  #comparison(name: string, operator: string, value: Token): DatabaseFilter {
    const key = name.toLowerCase();
    const field =
      (Object.hasOwn(FIELDS, key) ? FIELDS[key] : undefined) ??
      refuse(`There is no field "${name}" to filter by (or not yet); there are ${Object.keys(FIELDS).join(', ')}.`);
    if (!OPERATORS[field.type].includes(operator)) {
      refuse(
        `"${name}" cannot be compared by -${operator}; it takes ${OPERATORS[field.type].map((one) => `-${one}`).join(', ')}.`,
      );
    }
    if (value.kind === 'word' && value.text.toUpperCase() === 'NULL') return nullComparison(field, operator);
    switch (field.type) {
      case 'text':
        return textComparison(field, operator, value.text);
      case 'number':
        return { [field.path]: { [`$${mongoOperator(operator)}`]: toNumber(name, value.text) } };
      case 'boolean':
        return { [field.path]: { [`$${operator}`]: toBoolean(name, value.text) } };
      case 'date':
        return dateComparison(field.path, operator, toDates(name, value.text, this.#now));
    }
  }
}

const mongoOperator = (operator: string): string => ({ ge: 'gte', le: 'lte' })[operator] ?? operator;
const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&');

function textComparison(field: Extract<Field, { type: 'text' }>, operator: string, text: string): DatabaseFilter {
  const value = field.as === 'lower' ? text.toLowerCase() : field.as === 'upper' ? text.toUpperCase() : text;
  const expression = {
    contains: escape(value),
    notcontains: escape(value),
    startswith: `^${escape(value)}`,
    endswith: `${escape(value)}$`,
  }[operator];
  if (expression === undefined) return { [field.path]: operator === 'ne' ? { $ne: value } : value };
  const found = new RegExp(expression);
  return { [field.path]: operator === 'notcontains' ? { $not: found } : found };
}

function nullComparison(field: Field, operator: string): DatabaseFilter {
  if (operator !== 'eq' && operator !== 'ne') refuse(`NULL can be compared by -eq and -ne, not by -${operator}.`);
  const empty = field.type === 'text' && field.path !== 'tags' && field.path !== 'search.alternativeNames' ? '' : null;
  if (field.path === 'tags' || field.path === 'search.alternativeNames') {
    return { [`${field.path}.0`]: { $exists: operator === 'ne' } };
  }
  return { [field.path]: operator === 'eq' ? empty : { $ne: empty } };
}

function toNumber(name: string, text: string): number {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value)
    ? value
    : refuse(`"${name}" is compared with a number, not "${text}".`);
}

const BOOLEANS = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

function toBoolean(name: string, text: string): boolean {
  const value = BOOLEANS.get(text.toLowerCase());
  return value ?? refuse(`"${name}" is compared with true or false, not "${text}".`);
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
    refuse(
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

/**
 * Keyfactor's query language (its first part) as a database filter: `CN -eq "web1" AND NotAfter -lt "2027-01-01"`.
 * Text is compared without case. Throws INVALID_ARGUMENT INVALID_FILTER that says what and where.
 */
export function parseFilter(filter: string, now: Date): DatabaseFilter {
  if (filter.length > MAX_FILTER_CHARACTERS) refuse(`The filter has more than ${MAX_FILTER_CHARACTERS} characters.`);
  return new FilterParser(filter, now).parse();
}

/** Words that must all occur in a certificate's searchable text. */
export function parseText(text: string): DatabaseFilter {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length > 20) refuse('A text search takes at most 20 words.');
  return words.length === 0 ? {} : { $and: words.map((word) => ({ 'search.text': new RegExp(escape(word)) })) };
}
