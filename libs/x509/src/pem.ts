import { Buffer } from 'node:buffer';
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
  const text = Buffer.from(content.buffer, content.byteOffset, content.length).toString('latin1');
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
      blocks.push(readBody(label, text.slice(bodyStart, bodyEnd)));
      at = text.indexOf(`${MARK}BEGIN `, bodyEnd + end.length);
    }
  }
  return blocks;
}

function readBody(label: string, body: string): PemBlock {
  const headerEnd = body.includes(':') ? body.search(/\r?\n\r?\n/) : -1;
  const headers = headerEnd < 0 ? '' : body.slice(0, headerEnd).trim();
  const base64 = body.slice(Math.max(headerEnd, 0)).replace(/\s+/g, '');
  if (base64.length > (MAX_PEM_BLOCK_BYTES * 4) / 3 + 4) {
    return {
      label,
      headers,
      problem: `The ${label} has more than ${MAX_PEM_BLOCK_BYTES} bytes, the limit for a PEM block`,
    };
  }
  if (base64 === '' || base64.length % 4 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    return { label, headers, problem: `The ${label} is not valid base64` };
  }
  return { label, headers, bytes: Buffer.from(base64, 'base64') };
}

/** One PEM block with 64 characters a line (RFC 7468 section 2). */
export function writePem(label: string, bytes: Uint8Array): string {
  const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
