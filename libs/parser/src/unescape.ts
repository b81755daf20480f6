import { Buffer } from 'node:buffer';
import { overLimit } from '@certferry/x509';

/** A way in which PEM is escaped as text. The patterns look inside PEM blocks only: what is around them is not ours. */
interface Escape {
  notice: string;
  pattern: RegExp;
  undo: (text: string) => string;
}

/** Line continuations and string concatenations of source code, which stand between two pieces of one text. */
const BETWEEN_PIECES = /(["'`])[ \t]{0,40}(?:[+.,][ \t]{0,40})?\\?\r?\n[ \t]{0,40}(?:[+.][ \t]{0,40})?\1/g;

const HTML_NAMES: Record<string, string> = {
  amp: '&',
  equals: '=',
  newline: '\n',
  nbsp: ' ',
  plus: '+',
  quot: '"',
  sol: '/',
  tab: '\t',
};

const ESCAPES: readonly Escape[] = [
  {
    notice: 'URL encoding, as nginx and load balancers pass certificates on, was undone.',
    pattern: /(?:-----|(?:%(?:25)?2d){5})BEGIN(?:%|\+)|-----BEGIN [A-Z0-9 ]{1,40}-----%/i,
    undo: (text) =>
      (text.includes('-----BEGIN+') ? text.replaceAll('+', ' ') : text).replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
        fromHex(hex),
      ),
  },
  {
    notice: 'HTML escapes and tags were undone.',
    pattern: /-----BEGIN(?:&| [A-Z0-9 ]{1,40}-----[^-&<]*[&<])|(?:&#(?:45|x2d);){5}BEGIN/i,
    undo: (text) =>
      text
        .replace(/<[^<>]{0,200}>/g, '\n')
        .replace(/&#(\d{1,3});/g, (_, decimal: string) => toText(Number(decimal)))
        .replace(/&#x([0-9a-f]{1,4});/gi, (_, hex: string) => fromHex(hex))
        .replace(/&(\w{2,8});/g, (entity, name: string) => HTML_NAMES[name.toLowerCase()] ?? entity),
  },
  {
    notice: 'Backslash escapes ("\\n" for a line break, as in environment files and JSON texts) were undone.',
    pattern: /-----BEGIN [A-Z0-9 ]{1,40}-----[^-\\]*\\/,
    undo: (text) =>
      text
        .replace(/\\+/g, '\\')
        .replace(BETWEEN_PIECES, '')
        .replace(/\\\r?\n/g, '\n')
        .replace(/\\(?:u([0-9a-f]{4})|x([0-9a-f]{2}))/gi, (_, long?: string, short?: string) => fromHex(long ?? short!))
        .replace(/(?:\\r)?\\n|\\r/g, '\n')
        .replace(/\\t/g, ' ')
        .replace(/\\([/"'=+: ])/g, '$1'),
  },
];

const NO_BREAK_SPACE = 0xa0;
const toText = (code: number): string =>
  code === NO_BREAK_SPACE ? ' ' : code < 0x100 ? String.fromCharCode(code) : '?';
const fromHex = (hex: string): string => toText(Number.parseInt(hex, 16));

const BEGIN = Buffer.from('BEGIN');
const FORM_SPACE = Buffer.from('-----BEGIN+');
/** Backslash, percent sign, ampersand, less-than sign: without one of them nothing is escaped. */
const MARKS = [0x5c, 0x25, 0x26, 0x3c];

/** In 10 MiB of PEM there are fewer; each is undone by itself. */
const MAX_ESCAPES = 600_000;

function limitEscapes(bytes: Buffer): void {
  let count = 0;
  for (const byte of bytes) if (MARKS.includes(byte)) count++;
  if (count > MAX_ESCAPES) throw overLimit('escapes', MAX_ESCAPES, 'Too many escapes stand in this PEM');
}

/** PEM that was escaped for another kind of text, as it was before; the same bytes and no notice for all else. LIMIT_EXCEEDED above 600,000 escapes. */
export function unescapePem(bytes: Buffer): { content: Buffer; notices: string[] } {
  if (!bytes.includes(BEGIN) || !(MARKS.some((mark) => bytes.includes(mark)) || bytes.includes(FORM_SPACE)))
    return { content: bytes, notices: [] };
  let text = bytes.toString('latin1');
  const notices: string[] = [];
  for (const { notice, pattern, undo } of ESCAPES) {
    if (!pattern.test(text)) continue;
    if (notices.length === 0) limitEscapes(bytes);
    text = undo(text);
    notices.push(notice);
  }
  return { content: notices.length > 0 ? Buffer.from(text, 'latin1') : bytes, notices };
}
