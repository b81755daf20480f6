import { expect, test } from 'vitest';
import { DerReader, MAX_DER_DEPTH, MAX_DER_NODES, TAG } from './der-reader.ts';
import { bmpString, integer, octetString, oid, sequence, setOf } from './der-writer.ts';

test('what the writer writes, the reader reads', () => {
  const reader = new DerReader(
    sequence(
      integer(0),
      integer(127),
      integer(128),
      integer(2 ** 40),
      oid('1.2.840.113549.1.12.10.1.3'),
      octetString(Buffer.alloc(70_000, 1)),
      bmpString('é'),
    ),
    'test',
  ).enter(TAG.sequence);
  expect([reader.integer(), reader.integer(), reader.integer(), reader.integer()]).toEqual([0, 127, 128, 2 ** 40]);
  expect(reader.oid()).toBe('1.2.840.113549.1.12.10.1.3');
  expect(reader.octets().length).toBe(70_000);
  expect(Buffer.from(reader.next(TAG.bmpString).value()).toString('hex')).toBe('00e9');
  expect(reader.done).toBe(true);
});

test('a set is written in ascending order', () => {
  expect(setOf(integer(2), integer(1)).toString('hex')).toBe('3106020101020102');
});

test('depth is limited to 64, one above is refused', () => {
  const nested = (depth: number) =>
    Array.from({ length: depth }).reduce<Uint8Array>((inner) => sequence(inner), Buffer.alloc(0));
  const descend = (depth: number) => {
    let reader = new DerReader(nested(depth), 'test');
    for (let i = 0; i < depth; i++) reader = reader.enter(TAG.sequence);
  };
  expect(() => descend(MAX_DER_DEPTH)).not.toThrow();
  expect(() => descend(MAX_DER_DEPTH + 1)).toThrow(/limit \(DER depth\) is 64/);
});

test('values are limited to 200,000, one above is refused', () => {
  const read = (count: number) => {
    const reader = new DerReader(Buffer.alloc(count * 2, '0500', 'hex'), 'test');
    while (!reader.done) reader.next();
  };
  expect(() => read(MAX_DER_NODES)).not.toThrow();
  expect(() => read(MAX_DER_NODES + 1)).toThrow(/limit \(DER values\) is 200000/);
});

test('an object identifier of more than 128 bytes is refused', () => {
  const long = (length: number) => Buffer.concat([Buffer.of(TAG.oid, 0x81, length), Buffer.alloc(length, 1)]);
  expect(() => new DerReader(long(128), 'test').oid()).not.toThrow();
  expect(() => new DerReader(long(129), 'test').oid()).toThrow(/limit \(OID bytes\) is 128/);
});

test.each(['', '30', '3003', '300102', '3080', '1f8101', '3085ffffffffff'])('%s is refused', (hex) => {
  expect(() => {
    const reader = new DerReader(Buffer.from(hex, 'hex'), 'test').enter(TAG.sequence);
    reader.next();
  }).toThrow(/test/);
});
