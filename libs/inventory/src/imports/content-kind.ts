import type { ContentKind } from './import-job.ts';

const ARCHIVES = ['PK\u0003\u0004', 'PK\u0005\u0006', '\u001f\u008b'].map((mark) => Buffer.from(mark, 'latin1'));
/** Where a tar archive says that it is one (POSIX.1-1988, ustar). */
const TAR = { at: 257, mark: Buffer.from('ustar') };
const PEM = Buffer.from('-----BEGIN ');

/** How a content is read, by its first bytes. */
export function sniffContent(bytes: Uint8Array): ContentKind {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (ARCHIVES.some((mark) => start.subarray(0, mark.length).equals(mark))) return 'archive';
  if (start.subarray(TAR.at, TAR.at + TAR.mark.length).equals(TAR.mark)) return 'archive';
  return start.includes(PEM) ? 'pem' : 'container';
}
