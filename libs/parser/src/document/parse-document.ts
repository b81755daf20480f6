import { Buffer } from 'node:buffer';
import { malformed, overLimit, X509Error } from '@certferry/x509';
import { isMap, isScalar, LineCounter, parseAllDocuments, visit, type Document } from 'yaml';
import type { DocumentKind } from './document-kind.ts';

export const MAX_DOCUMENT_DEPTH = 32;
/** Lines and flow signs of YAML: what its parser spends its time on. */
export const MAX_YAML_MARKS = 20_000;
/** Blanks, quotes and escapes: where a word, a tag or an error may begin. */
export const MAX_YAML_WORDS = 80_000;

/**
 * The values of a JSON text (one) or a YAML stream. Throws MALFORMED with the line (and never with text of the document,
 * which may be secret), and LIMIT_EXCEEDED for YAML of more than 20,000 lines and flow signs, of more
 * than 80,000 blanks, quotes and escapes, or deeper than 32.
 */
export function parseDocument(content: Uint8Array, kind: DocumentKind): unknown[] {
  const text = Buffer.from(content).toString('utf8');
  return kind === 'JSON' ? [parseJson(text)] : parseYaml(text);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const [where] = /line \d+ column \d+/.exec(String(error)) ?? [];
    throw malformed(`JSON document${where ? ` in ${where}` : ': it ends early'}`);
  }
}

/** Counted before anything is parsed. */
function refuseMany(text: string): void {
  let [marks, words] = [0, 0];
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (YAML_MARKS.has(code)) marks++;
    else if (YAML_SIGNS.has(code) || (YAML_BLANKS.has(code) && !YAML_BLANKS.has(text.charCodeAt(at + 1)))) words++;
  }
  if (marks > MAX_YAML_MARKS)
    throw overLimit('YAML lines', MAX_YAML_MARKS, `The YAML has ${marks} lines and flow signs (take it as JSON)`);
  if (words > MAX_YAML_WORDS)
    throw overLimit('YAML words', MAX_YAML_WORDS, `The YAML has ${words} blanks, quotes and escapes (take it as JSON)`);
}

const codesOf = (characters: string): Set<number> => new Set(Buffer.from(characters));
const YAML_MARKS = codesOf('\n,[]{}');
const YAML_BLANKS = codesOf(' \t');
const YAML_SIGNS = codesOf('"\'\\\r');

function parseYaml(text: string): unknown[] {
  refuseMany(text);
  const { stackTraceLimit } = Error;
  // The parser keeps an error for whatever it does not understand; nobody sees where it made them.
  Error.stackTraceLimit = 0;
  try {
    const lineCounter = new LineCounter();
    const documents = parseAllDocuments(text, { lineCounter, prettyErrors: false, uniqueKeys: false });
    return documents.map((document) => {
      check(document, lineCounter);
      return document.toJS({ maxAliasCount: 0 }) as unknown;
    });
  } catch (error) {
    if (error instanceof X509Error) throw error;
    // Nested so deep that the parser's stack ends.
    throw error instanceof RangeError ? tooDeep('YAML') : malformed('YAML document');
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** What the parser would take and is no manifest: aliases, keys that are there twice, and what is nested deep. */
function check(document: Document, lines: LineCounter): void {
  const lineOf = (offset = 0): string => `YAML document in line ${lines.linePos(offset).line}`;
  const [problem] = document.errors;
  if (problem?.code === 'RESOURCE_EXHAUSTION') throw tooDeep('YAML');
  if (problem) throw malformed(lineOf(problem.pos[0]));
  visit(document, {
    Node(_, node, path) {
      if (path.length > 2 * MAX_DOCUMENT_DEPTH) throw tooDeep('YAML');
      if (!isMap(node)) return;
      const keys = node.items.map(({ key }) => (isScalar(key) ? key.value : key));
      if (new Set(keys).size !== keys.length) throw malformed(`${lineOf(node.range?.[0])} (a key is there twice)`);
    },
    Alias(_, node) {
      throw malformed(`${lineOf(node.range?.[0])} (aliases are not read)`);
    },
  });
}

export const tooDeep = (kind: DocumentKind): X509Error =>
  overLimit('document depth', MAX_DOCUMENT_DEPTH, `The ${kind} is nested too deep`);
