import { Buffer } from 'node:buffer';
import { asBuffer } from './der-reader.ts';
import { overLimit } from './x509-error.ts';

/** The most a single PEM certificate or key may have, in decoded bytes. */
export const MAX_PEM_BLOCK_BYTES = 64 * 1024;
export const MAX_PEM_BLOCKS = 20_000;

export interface PemBlock {
  /** "CERTIFICATE", "PRIVATE KEY", … */
  label: string;
  /** Decoded bytes; undefined when `problem` says why there are none. */
  bytes?: Uint8Array;
  /** RFC 1421 headers, as in a legacy encrypted key; empty for RFC 7468. */
  headers: string;
  problem?: string;
}

const MARK = '-----';

/**
 * All PEM blocks of a text (RFC 7468 section 3), in one linear scan; text around them is passed over.
 * A block that does not end, or is not base64, is answered with its problem. Throws LIMIT_EXCEEDED above 20,000 blocks.
 */
export function readPem(content: Uint8Array): PemBlock[] {
  const text = asBuffer(content).toString('latin1');
  const lines = new LineCounter(text);
  const blocks: PemBlock[] = [];
  let at = text.indexOf(`${MARK}BEGIN `);
  while (at >= 0) {
    const labelEnd = text.indexOf(MARK, at + 11);
    if (labelEnd < 0) break;
    const label = text.slice(at + 11, labelEnd);
    if (/[\r\n]/.test(label)) {
      at = text.indexOf(`${MARK}BEGIN `, at + 11);
      continue;
    }
    if (blocks.length === MAX_PEM_BLOCKS)
      throw overLimit('PEM blocks', MAX_PEM_BLOCKS, 'There are too many PEM blocks');
    const bodyStart = labelEnd + MARK.length;
    const bodyEnd = text.indexOf(MARK, bodyStart);
    const end = `${MARK}END ${label}${MARK}`;
    if (bodyEnd < 0 || !text.startsWith(end, bodyEnd)) {
      blocks.push({ label, headers: '', problem: `The PEM block at byte ${at} has no matching END line` });
      at = text.indexOf(`${MARK}BEGIN `, bodyStart);
    } else {
      blocks.push(readBody({ label, number: blocks.length + 1, lines }, { content, from: bodyStart, to: bodyEnd }));
      at = text.indexOf(`${MARK}BEGIN `, bodyEnd + end.length);
    }
  }
  return blocks;
}

/** The numbers of lines, from 1, for offsets that never go back: so that it stays one scan. */
class LineCounter {
  readonly text: string;
  #at = 0;
  #line = 1;

  constructor(text: string) {
    this.text = text;
  }

  lineOf(offset: number): number {
    const ends = this.text.slice(this.#at, offset).match(/\r\n?|\n/g);
    this.#line += ends?.length ?? 0;
    this.#at = offset;
    return this.#line;
  }
}

/** A body between two offsets. */
interface Body {
  content: Uint8Array;
  from: number;
  to: number;
}

interface BlockName {
  label: string;
  /** Counts from 1, for people. */
  number: number;
  lines: LineCounter;
}

function readBody({ label, number, lines }: BlockName, { content, from, to }: Body): PemBlock {
  const { headers, start } = readHeaders(lines.text, from, to);
  const decoded = decodeBase64(content, start, to);
  if (typeof decoded === 'number') {
    const problem = `PEM block ${number} (${label}) is not valid base64 in line ${lines.lineOf(decoded)}`;
    return { label, headers, problem };
  }
  if (decoded.length > MAX_PEM_BLOCK_BYTES) {
    const problem = `The ${label} has more than ${MAX_PEM_BLOCK_BYTES} bytes, the limit for a PEM block`;
    return { label, headers, problem };
  }
  return { label, headers, bytes: decoded };
}

/** The first header, "Proc-Type: 4,ENCRYPTED", stands right behind the BEGIN line. */
const HEADER_WITHIN = 100;
const HEADER_LINE = /[ \t]*([^\r\n:]*:[^\r\n]*|)(?:\r\n?|\n)/y;

/** RFC 1421 headers: the lines with a colon, which base64 has not. Blanks at their ends and a missing empty line do no harm. */
function readHeaders(text: string, from: number, to: number): { headers: string; start: number } {
  const lines: string[] = [];
  let start = from;
  if (text.slice(from, Math.min(to, from + HEADER_WITHIN)).includes(':')) {
    HEADER_LINE.lastIndex = from;
    for (let line = HEADER_LINE.exec(text); line && HEADER_LINE.lastIndex <= to; line = HEADER_LINE.exec(text)) {
      start = HEADER_LINE.lastIndex;
      if (line[1]) lines.push(line[1].trimEnd());
    }
  }
  return { headers: lines.join('\n'), start };
}

const [WHITE_SPACE, PADDING, OTHER] = [64, 65, 66];
/** What each octet is in base64 (RFC 4648 section 4): its six bits, or one of the three. */
const BASE64 = new Uint8Array(256).fill(OTHER);
for (const octet of Buffer.from(' \t\r\n\v\f')) BASE64[octet] = WHITE_SPACE;
BASE64[0x3d] = PADDING;
for (const [value, octet] of Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/').entries())
  BASE64[octet] = value;

/** Strict, with white space anywhere; the offset of what is wrong for anything else, also for nothing. */
function decodeBase64(text: Uint8Array, from: number, to: number): Buffer | number {
  const out = Buffer.allocUnsafe(((to - from) * 3) >> 2);
  let [length, bits, characters, padding, last] = [0, 0, 0, 0, from];
  for (let i = from; i < to; i++) {
    const value = BASE64[text[i]!]!;
    if (value === WHITE_SPACE) continue;
    if (value === OTHER || (padding > 0 && value !== PADDING)) return i;
    characters++;
    last = i;
    if (value === PADDING) {
      if (++padding > 2) return i;
      continue;
    }
    bits = (bits << 6) | value;
    if ((characters & 3) === 0) {
      out[length++] = bits >> 16;
      out[length++] = bits >> 8;
      out[length++] = bits;
      bits = 0;
    }
  }
  if (characters === 0 || (characters & 3) !== 0) return last;
  if (padding > 0) out[length++] = padding === 1 ? bits >> 10 : bits >> 4;
  if (padding === 1) out[length++] = bits >> 2;
  return out.subarray(0, length);
}

/** One PEM block with 64 characters a line (RFC 7468 section 2). */
export function writePem(label: string, bytes: Uint8Array): string {
  const base64 = asBuffer(bytes).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
