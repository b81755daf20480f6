import { Buffer } from 'node:buffer';
import { asBuffer, toDefiniteLengths, X509Error } from '@certferry/x509';
import { documentKind } from './document/document-kind.ts';
import { unescapePem } from './unescape.ts';

const BOM = Buffer.from([0xef, 0xbb, 0xbf]);
/** Base64 of anything that is a certificate or a key is longer than this. */
const LEAST_BASE64 = 64;
/** REST clients send base64 of base64; nothing sends more. */
const MOST_WRAPS = 3;

export interface Unwrapped {
  content: Uint8Array;
  /** What was undone, where people should know. */
  notices: string[];
}

/**
 * The bytes behind what tools and clients put around them: a byte order mark, UTF-16, base64 (also twice), escapes of PEM
 * as text (also several), and BER with indefinite lengths in definite form. What is none of these comes back as it is.
 */
export function unwrap(wrapped: Uint8Array): Unwrapped {
  let bytes = asBuffer(wrapped);
  const notices = new Set<string>();
  for (let wraps = 0; wraps < MOST_WRAPS; wraps++) {
    const plain = fromBase64(fromText(bytes));
    // Of a document the texts are unwrapped, once it is parsed.
    const inner = documentKind(plain) ? { content: plain, notices: [] } : unescapePem(plain);
    if (inner.content === bytes) break;
    bytes = inner.content;
    for (const notice of inner.notices) notices.add(notice);
  }
  return { content: toDefinite(bytes), notices: [...notices] };
}

function toDefinite(bytes: Buffer): Buffer {
  if (bytes[0] !== 0x30 || bytes[1] !== 0x80) return bytes;
  try {
    return asBuffer(toDefiniteLengths(bytes, 'container'));
  } catch (error) {
    if (error instanceof X509Error && error.reason === 'LIMIT_EXCEEDED') throw error;
    return bytes;
  }
}

/** UTF-8 and UTF-16 text (with or without its mark) without marks, as UTF-8. */
function fromText(bytes: Buffer): Buffer {
  if (bytes.subarray(0, 3).equals(BOM)) return bytes.subarray(3);
  const [first, second] = [bytes[0], bytes[1]];
  const isLittle = (first === 0xff && second === 0xfe) || (second === 0 && isText(first) && bytes[3] === 0);
  const isBig = (first === 0xfe && second === 0xff) || (first === 0 && isText(second) && bytes[2] === 0);
  if (!isLittle && !isBig) return bytes;
  const even = bytes.subarray(0, bytes.length & ~1);
  const text = (isLittle ? even : Buffer.from(even).swap16()).toString('utf16le');
  return Buffer.from(text.replace(/^\uFEFF/, ''));
}

const isText = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x09 && byte < 0x7f;

/** The decoded bytes if the whole content is base64 (RFC 4648 section 4) with white space, else the same bytes. */
function fromBase64(bytes: Buffer): Buffer {
  if (bytes.length < LEAST_BASE64) return bytes;
  for (const byte of bytes) if (!BASE64[byte]) return bytes;
  const text = bytes.toString('latin1').replace(/\s+/g, '');
  return text.length >= LEAST_BASE64 && /^[^=]+={0,2}$/.test(text) ? Buffer.from(text, 'base64') : bytes;
}

const BASE64 = Array.from(
  { length: 256 },
  (_, byte) => /[A-Za-z0-9+/=\s]/.test(String.fromCharCode(byte)) && byte < 0x80,
);
