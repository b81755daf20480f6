import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { compare as compareAsMingo } from 'mingo/util';
import { describe, expect, test } from 'vitest';
import { scalars } from '../testing/generated-values.ts';
import { EMPTY_ARRAY, encodeKey, invert, prefixEnd } from './key-encoding.ts';
import { compareValues } from '../testing/reference-order.ts';

const compareKeys = (a: unknown, b: unknown): number => Buffer.compare(encodeKey(a), encodeKey(b));

describe('encoded keys', () => {
  test("have MongoDB's order", () => {
    fc.assert(
      fc.property(scalars(false), scalars(false), (a, b) => {
        expect(compareKeys(a, b)).toBe(Math.sign(compareValues(a, b)));
      }),
      { numRuns: 2_000 },
    );
  });

  test("have mingo's order, but for characters that UTF-16 orders otherwise", () => {
    fc.assert(
      fc.property(scalars(true), scalars(true), (a, b) => {
        expect(compareKeys(a, b)).toBe(Math.sign(compareAsMingo(a, b)));
      }),
      { numRuns: 2_000 },
    );
  });

  test('are never the beginning of another, and turned round when inverted', () => {
    fc.assert(
      fc.property(scalars(false), scalars(false), (a, b) => {
        const [x, y] = [encodeKey(a), encodeKey(b)];
        if (!x.equals(y)) expect(y.subarray(0, x.length).equals(x)).toBe(false);
        expect(Buffer.compare(invert(x), invert(y))).toBe(Buffer.compare(y, x) || 0);
      }),
    );
  });

  test('end before prefixEnd, whatever follows the prefix', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 4 }), fc.uint8Array({ maxLength: 4 }), (start, rest) => {
        const end = prefixEnd(Buffer.from(start));
        if (end) expect(Buffer.compare(Buffer.concat([start, rest]), end)).toBe(-1);
        else expect(start.every((byte) => byte === 0xff)).toBe(true);
      }),
    );
  });

  test('put an empty array below null', () => {
    expect(compareKeys(EMPTY_ARRAY, null)).toBe(-1);
  });
});
