import type { ContentKind } from './import-job.ts';

const ZIPS = ['PK\u0003\u0004', 'PK\u0005\u0006'].map((mark) => Buffer.from(mark, 'latin1'));
const PEM = Buffer.from('-----BEGIN ');

/** How a content that is larger than a container is read, by its first bytes; a tar is a container. */
export function sniffContent(bytes: Uint8Array): ContentKind {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  if (ZIPS.some((mark) => start.subarray(0, mark.length).equals(mark))) return 'archive';
  return start.includes(PEM) ? 'pem' : 'container';
}
