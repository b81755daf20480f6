import type { Buffer } from 'node:buffer';
import { invalid, limitExceeded } from '@certferry/core';
import { asBuffer } from '@certferry/x509';
import { malformedArchive } from './zip-file.ts';

// POSIX.1-2017, pax, "ustar Interchange Format", and what GNU tar and the tars before it write. An upload is in memory:
// a reader of streams would only have to be waited for.

const BLOCK = 512;
const CHECKSUM = { from: 148, to: 156 };
/** Headers, folders' too, and the records of extended ones: what a small archive could ask millions of. */
const MAX_HEADERS = 100_000;

/** An entry of a tar; folders are none. */
export interface TarMember {
  name: string;
  content: Buffer;
  /** Why there is nothing to read in it: it is a link, a device, or has holes. */
  problem?: string;
}

/** Whether this begins as a tar does: its first header has the checksum that it says. */
export function isTar(content: Uint8Array): boolean {
  const header = asBuffer(content).subarray(0, BLOCK);
  return header.length === BLOCK && header[0] !== 0 && hasChecksum(header);
}

function hasChecksum(header: Buffer): boolean {
  const said = /^[ 0]*([0-7]{1,6})[ \0]/.exec(header.toString('latin1', CHECKSUM.from, CHECKSUM.to));
  if (!said) return false;
  let sum = 0;
  for (let at = 0; at < BLOCK; at++) sum += at >= CHECKSUM.from && at < CHECKSUM.to ? 0x20 : header[at]!;
  return sum === Number.parseInt(said[1]!, 8);
}

/** What extended headers say of the next entry. */
interface Extended {
  path?: string;
  size?: number;
  sparse?: boolean;
}

/**
 * The files of a tar, in its order, and of those that were put behind its end. INVALID_ARGUMENT MALFORMED, UNSAFE_NAME;
 * LIMIT_EXCEEDED above 100,000 headers.
 */
export function* tarMembers(archive: Uint8Array): Generator<TarMember> {
  const bytes = asBuffer(archive);
  const count = countHeaders();
  let extended: Extended = {};
  let ended = false;
  for (let at = 0; at < bytes.length;) {
    const header = bytes.subarray(at, at + BLOCK);
    if (header[0] === 0) {
      ended = true;
      at += BLOCK;
      continue;
    }
    if (header.length < BLOCK || !hasChecksum(header)) {
      // What fills the last block of a tape is anything.
      if (ended) return;
      const what =
        header.length < BLOCK ? 'The archive ends inside a header.' : 'A header of the tar archive is damaged.';
      throw malformedArchive(what);
    }
    count();
    const type = String.fromCharCode(header[156]!);
    const size = (type === 'x' || type === 'g' ? undefined : extended.size) ?? readSize(header.subarray(124, 136));
    const content = bytes.subarray(at + BLOCK, at + BLOCK + size);
    if (content.length !== size) throw malformedArchive('The archive ends inside an entry.');
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (type === 'x') extended = { ...extended, ...readPax(content, count) };
    else if (type === 'L') extended = { ...extended, path: text(content) };
    if ('xgLK'.includes(type)) continue;
    const name = safeName(extended.path ?? headerName(header));
    const problem = problemOf(type, extended);
    extended = {};
    if (type !== '5' && !name.endsWith('/')) yield { name, content, ...(problem && { problem }) };
  }
}

function countHeaders(): () => void {
  let count = 0;
  return () => {
    if (++count > MAX_HEADERS)
      throw limitExceeded(
        'tar headers',
        MAX_HEADERS,
        `The tar archive has more than ${MAX_HEADERS} headers, the limit.`,
      );
  };
}

function problemOf(type: string, { sparse }: Extended): string | undefined {
  if (type === '1' || type === '2') return 'it is a link';
  if (type === 'S' || sparse) return 'it is a sparse file';
  return '\u000007'.includes(type) ? undefined : 'it is not a regular file';
}

const text = (field: Buffer): string => {
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? field.length : end);
};

/** Octal digits, or base 256 behind a first byte of 0x80. */
function readSize(field: Buffer): number {
  const size =
    field[0] === 0x80
      ? field.readUIntBE(field.length - 6, 6)
      : Number.parseInt(field.toString('latin1').trim() || '0', 8);
  if (!Number.isSafeInteger(size) || size < 0) throw malformedArchive('An entry of the tar archive has no size.');
  return size;
}

function headerName(header: Buffer): string {
  const name = text(header.subarray(0, 100));
  // GNU's header has times where the prefix would be.
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? text(header.subarray(345, 500)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

/** Records of "length key=value\n". */
function readPax(content: Buffer, count: () => void): Extended {
  const extended: Extended = {};
  for (let at = 0; at < content.length;) {
    count();
    const length = Number.parseInt(content.toString('latin1', at, at + 20), 10);
    const record = content.toString('utf8', at, at + length);
    const [, key, value] = /^\d+ ([^=]+)=([^]*)\n$/.exec(record) ?? [];
    if (key === undefined || value === undefined) throw malformedArchive('An extended header of the tar is damaged.');
    at += length;
    if (key === 'path') extended.path = value;
    if (key === 'size') extended.size = Number(value);
    if (key.startsWith('GNU.sparse.')) extended.sparse = true;
  }
  return extended;
}

/** Relative and inside, as a ZIP's names must be. */
function safeName(name: string): string {
  const relative = name.replaceAll('\\', '/').replace(/^(\.\/)+/, '');
  if (/^\/|^[A-Za-z]:\/|(^|\/)\.\.(\/|$)/.test(relative))
    throw invalid(
      'UNSAFE_NAME',
      'A file name in the archive leaves its folder or has characters that are not allowed.',
    );
  return relative;
}
