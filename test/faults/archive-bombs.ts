import { randomBytes } from 'node:crypto';
import { zip } from '@certferry/testing';
import type { Bomb } from './bombs.ts';

const MEBIBYTE = 1024 * 1024;

/** A directory of so many entries that all stand for the same bytes. */
function overlapping(count: number): Buffer {
  const one = zip([['a.pem', randomBytes(MEBIBYTE)]]);
  const directoryAt = one.indexOf('PK\u0001\u0002', 0, 'latin1');
  const endAt = one.indexOf('PK\u0005\u0006', 0, 'latin1');
  const entry = one.subarray(directoryAt, endAt);
  const end = Buffer.from(one.subarray(endAt));
  end.writeUInt16LE(count, 8);
  end.writeUInt16LE(count, 10);
  end.writeUInt32LE(entry.length * count, 12);
  return Buffer.concat([one.subarray(0, directoryAt), ...Array.from({ length: count }, () => entry), end]);
}

/** Everything that the limits of an archive are for. */
export const ARCHIVE_BOMBS: Bomb[] = [
  {
    name: '300 MiB of zeros in one file',
    content: () => zip([['a.pem', Buffer.alloc(300 * MEBIBYTE)]]),
    reason: 'LIMIT_EXCEEDED',
    limit: 'compression ratio',
  },
  { name: '60,000 entries that are the same bytes', content: () => overlapping(60_000), reason: 'MALFORMED' },
  {
    name: 'a declared size of 4 GiB',
    content: () => zip([['a.pem', 'x', { size: 0xfffffffe }]]),
    reason: 'LIMIT_EXCEEDED',
    limit: 'compression ratio',
  },
];

const xml = (text: string): Buffer => zip([['certificates.xml', text]]);

const LAUGHS = Array.from({ length: 9 }, (_, i) => `<!ENTITY e${i + 1} "${`&e${i};`.repeat(10)}">`).join('');

/** The same of an XML file. */
export const XML_BOMBS: Bomb[] = [
  {
    name: 'a billion laughs',
    content: () => xml(`<!DOCTYPE x [<!ENTITY e0 "ha">${LAUGHS}]><certificates>&e9;</certificates>`),
    reason: 'DOCTYPE_NOT_ALLOWED',
  },
  {
    name: '65 elements inside each other',
    content: () => xml('<certificates>' + '<a>'.repeat(64) + '</a>'.repeat(64) + '</certificates>'),
    reason: 'LIMIT_EXCEEDED',
    limit: 'XML depth',
  },
  {
    name: '1,000,001 elements',
    content: () =>
      xml(
        `<certificates>${Array.from({ length: 1_000_000 }, (_, i) => `<a${i.toString(36)}/>`).join('')}</certificates>`,
      ),
    reason: 'LIMIT_EXCEEDED',
    limit: 'XML elements',
  },
  {
    name: 'an element with 8 MiB of text',
    content: () =>
      xml(
        `<certificates><certificate><pem>${randomBytes(6 * MEBIBYTE).toString('base64')}</pem></certificate></certificates>`,
      ),
    reason: 'LIMIT_EXCEEDED',
    limit: 'XML text',
  },
];
