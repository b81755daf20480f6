import { DerReader, overLimit, X509Error } from '@certferry/x509';
import type { Format } from './formats/format.ts';
import { FORMATS } from './formats/index.ts';
import { pem } from './formats/pem.ts';

export interface Recognised {
  format: Format;
  /** Without what tools put around it. */
  content: Uint8Array;
  /** What stands behind it in the same file: DER values one after another, or PEM behind DER. */
  behind: Recognised[];
  /** On bytes behind the end. */
  notices: string[];
}

/** To tell what a value is takes a twentieth of a millisecond, and the server waits for it. */
const MAX_VALUES = 500;

/** DER that ends before the file does, with what is behind it; undefined for anything else. LIMIT_EXCEEDED above 500 values. */
export function recogniseValues(content: Uint8Array): Recognised | undefined {
  const found: Recognised[] = [];
  let rest = content;
  while (rest.length > 0) {
    const next = firstValue(rest) ?? lastFormat(rest, found.length > 0);
    if (!next) break;
    if (found.length === MAX_VALUES)
      throw overLimit('values in a file', MAX_VALUES, 'Too many values stand one behind the other (send them as PEM)');
    found.push(next);
    rest = afterBlanks(rest.subarray(next.content.length));
  }
  const [first, ...behind] = found;
  if (!first || first.content.length === content.length) return undefined;
  const blanks = content.length - rest.length - found.reduce((sum, one) => sum + one.content.length, 0);
  const notices = [
    ...(behind.length > 0 ? [`${behind.length + 1} values stand one behind the other in this file.`] : []),
    ...(blanks > 0 ? [`${counted(blanks, 'blank or NUL byte')} behind the end: passed over.`] : []),
    ...(rest.length > 0
      ? [`${counted(rest.length, 'byte')} behind the end, and nothing that Certferry reads: passed over.`]
      : []),
  ];
  return { ...first, behind, notices };
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? ' was' : 's were'}`;

/** Whether reading any of it derives a key, so that it runs in a child process. */
export const needsSandbox = ({ format, content, behind }: Recognised): boolean =>
  format.needsSandbox(content) || behind.some(needsSandbox);

function firstValue(content: Uint8Array): Recognised | undefined {
  if (content[0] !== 0x30) return undefined;
  try {
    const value = new DerReader(content, 'container').next().raw();
    const format = FORMATS.find((one) => one !== pem && one.detect(value));
    return format && { format, content: value, behind: [], notices: [] };
  } catch (error) {
    if (error instanceof X509Error) return undefined;
    throw error;
  }
}

/** PEM behind DER takes the rest. */
function lastFormat(content: Uint8Array, isBehind: boolean): Recognised | undefined {
  return isBehind && pem.detect(content) ? { format: pem, content, behind: [], notices: [] } : undefined;
}

const BLANKS = new Set([0x00, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20]);

function afterBlanks(content: Uint8Array): Uint8Array {
  let at = 0;
  while (at < content.length && BLANKS.has(content[at]!)) at++;
  return content.subarray(at);
}
