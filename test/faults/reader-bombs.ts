import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';
import { zip } from '@certferry/testing';
import { derNull, integer, octetString, oid, sequence, tlv } from '../../libs/x509/src/der-writer.ts';
import type { Bomb } from './bombs.ts';

const MEBIBYTE = 1024 * 1024;
const MOST = 10 * MEBIBYTE - 1_024;
const DATA = '1.2.840.113549.1.7.1';

/** As many bytes as a container may have, of one text over and over. */
const full = (text: string, head = '', tail = ''): Buffer =>
  Buffer.concat([Buffer.from(head), Buffer.alloc(MOST - head.length - tail.length, text), Buffer.from(tail)]);

/** A PFX with a MAC that no password has. */
function pfx(safe: Buffer, iterations: number): Buffer {
  const digest = sequence(sequence(oid('1.3.14.3.2.26'), derNull()), octetString(Buffer.alloc(20)));
  const mac = sequence(digest, octetString(Buffer.alloc(8)), integer(iterations));
  return sequence(integer(3), sequence(oid(DATA), tlv(0xa0, octetString(safe))), mac);
}

function nestedBags(depth: number): Buffer {
  let bags = sequence();
  for (let i = 0; i < depth; i++) bags = sequence(sequence(oid('1.2.840.113549.1.12.10.1.6'), tlv(0xa0, bags)));
  const contents = sequence(sequence(oid(DATA), tlv(0xa0, octetString(bags))));
  return sequence(integer(3), sequence(oid(DATA), tlv(0xa0, octetString(contents))));
}

/** A header of a tar, with the checksum that it should have. */
function tarHeader(name: string, { type, size }: { type: string; size: number }): Buffer {
  const header = Buffer.alloc(512);
  header.write(name);
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\u000000', 257);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

const bks = (iterations: number, rest: string): Buffer => {
  const head = Buffer.alloc(32);
  head.writeInt32BE(2, 0);
  head.writeInt32BE(20, 4);
  head.writeInt32BE(iterations, 28);
  return Buffer.concat([head, Buffer.from(rest, 'hex'), Buffer.alloc(20)]);
};

const manifest = 'apiVersion: v1\nkind: Secret\n';
const laughs = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]\n`).join('');
const wrong = Array.from({ length: 100 }, (_, i) => `wrong ${i}`);

/** What the readers of archives, documents, escapes and keystores are asked for; sent as an import's container. */
export const READER_BOMBS: (Bomb & { passwords?: string[] })[] = [
  {
    name: 'a tar of 300 MiB of zeros behind gzip',
    content: () =>
      gzipSync(Buffer.concat([tarHeader('a.pem', { type: '0', size: 300 * MEBIBYTE }), Buffer.alloc(300 * MEBIBYTE)])),
    reason: 'LIMIT_EXCEEDED',
    limit: 'unpacked bytes',
  },
  {
    name: 'a tar of 120,000 folders behind gzip',
    content: () => gzipSync(Buffer.alloc(60 * MEBIBYTE, tarHeader('d/', { type: '5', size: 0 }))),
    reason: 'LIMIT_EXCEEDED',
    limit: 'tar headers',
  },
  {
    name: 'a tar with 9 MiB of records in an extended header',
    content: () =>
      Buffer.concat([tarHeader('x', { type: 'x', size: 9 * MEBIBYTE }), Buffer.alloc(9 * MEBIBYTE, '6 a=b\n')]),
    reason: 'LIMIT_EXCEEDED',
    limit: 'tar headers',
  },
  {
    name: 'a ZIP of 10,000 empty files',
    content: () => zip(Array.from({ length: 10_000 }, (_, i) => [`${i}.pem`, ''] as const)),
    reason: 'EMPTY',
  },
  {
    name: 'a ZIP of 100 files that all ask for too many iterations',
    content: () => zip(Array.from({ length: 100 }, (_, i) => [`${i}.p12`, pfx(sequence(), 5_000_001)] as const)),
    reason: 'LIMIT_EXCEEDED',
  },
  {
    name: '100 wrong passwords for a PKCS#12 at the limit of iterations',
    content: () => pfx(sequence(), 5_000_000),
    passwords: wrong,
    reason: 'LIMIT_EXCEEDED',
    limit: 'key derivation iterations',
  },
  {
    name: 'JSON 100,000 deep',
    content: () => Buffer.from(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`),
    reason: 'LIMIT_EXCEEDED',
    limit: 'document depth',
  },
  {
    name: 'JSON of a million texts',
    content: () => Buffer.from(`[${'"abcdef",'.repeat(1_000_000)}"{"]`.replace('["', '[{},"')),
    reason: 'NOTHING_TO_IMPORT',
  },
  {
    name: 'JSON of 150,000 texts that begin like DER',
    content: () => Buffer.from(`[{},${`"${'MAAA'.repeat(16)}",`.repeat(140_000)}0]`),
    reason: 'LIMIT_EXCEEDED',
    limit: 'texts of a document',
  },
  {
    name: 'a billion laughs in YAML',
    content: () => Buffer.from(`${manifest}a0: &a0 lol\n${laughs}`),
    reason: 'MALFORMED',
  },
  {
    name: '10 MiB of YAML',
    content: () => full('a: b\n', manifest),
    reason: 'LIMIT_EXCEEDED',
    limit: 'YAML lines',
  },
  {
    name: '10 MiB of backslash escapes',
    content: () => full('\\n', '-----BEGIN CERTIFICATE-----'),
    reason: 'LIMIT_EXCEEDED',
    limit: 'escapes',
  },
  {
    name: '10 MiB of backslashes',
    content: () => full('\\', '-----BEGIN CERTIFICATE-----'),
    reason: 'LIMIT_EXCEEDED',
    limit: 'escapes',
  },
  {
    name: '10 MiB of URL encoding',
    content: () => full('%2B', '-----BEGIN%20CERTIFICATE-----'),
    reason: 'LIMIT_EXCEEDED',
    limit: 'escapes',
  },
  {
    name: '10 MiB of HTML entities',
    content: () => full('&#43;', '-----BEGIN CERTIFICATE-----&#10;'),
    reason: 'LIMIT_EXCEEDED',
    limit: 'escapes',
  },
  {
    name: 'base64 of gzip of base64 of 100 MiB of zeros',
    content: () =>
      Buffer.from(gzipSync(Buffer.from(Buffer.alloc(75 * MEBIBYTE).toString('base64'))).toString('base64')),
    reason: 'LIMIT_EXCEEDED',
    limit: 'unpacked bytes',
  },
  {
    name: 'a BKS of 2^31 - 1 iterations',
    content: () => bks(2 ** 31 - 1, '00'),
    reason: 'LIMIT_EXCEEDED',
    limit: 'key derivation iterations',
  },
  {
    name: 'a BKS certificate of 2 GiB',
    content: () => bks(1, `01000161${'00'.repeat(8)}000000000005582e3530397fffffff`),
    reason: 'TRUNCATED',
  },
  {
    name: 'bags 1,000 deep in a PKCS#12',
    content: () => nestedBags(1_000),
    reason: 'LIMIT_EXCEEDED',
    limit: 'DER depth',
  },
  {
    name: '10 MiB of tiny values in DER',
    content: () => Buffer.alloc(MOST - (MOST % 6), '300430020200', 'hex'),
    reason: 'LIMIT_EXCEEDED',
    limit: 'values in a file',
  },
  {
    name: 'the same in 64 KiB, which no child reads',
    content: () => Buffer.alloc(65_532, '300430020200', 'hex'),
    reason: 'LIMIT_EXCEEDED',
    limit: 'values in a file',
  },
];
