import { Buffer } from 'node:buffer';
import { malformed, overLimit, X509Error } from '@certferry/x509';
import { isMap, isScalar, LineCounter, parseAllDocuments, visit, type Document } from 'yaml';
import type { DocumentKind } from './document-kind.ts';

export const MAX_DOCUMENT_DEPTH = 32;
/** Lines and flow signs of YAML: what its parser spends its time on. */
export const MAX_YAML_MARKS = 20_000;

/**
 * The values of a JSON text (one) or a YAML stream. Throws MALFORMED with the line (and never with text of the document,
 * which may be secret), and LIMIT_EXCEEDED for YAML of more than 20,000 lines and flow signs or deeper than 32.
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

function parseYaml(text: string): unknown[] {
  const marks = text.match(/[\n,[\]{}]/g)?.length ?? 0;
  if (marks > MAX_YAML_MARKS)
    throw overLimit('YAML lines', MAX_YAML_MARKS, `The YAML has ${marks} lines and flow signs (take it as JSON)`);
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
