import { expect, test } from 'vitest';
import { backoff } from './backoff.ts';

test('back-off doubles to its cap, with jitter over the upper half', () => {
  const longest = (attempt: number) => backoff(attempt, { random: () => 1 });
  expect([1, 2, 3, 9, 20, 5_000].map(longest)).toEqual([1_000, 2_000, 4_000, 256_000, 300_000, 300_000]);
  expect(backoff(1, { random: () => 0 })).toBe(500);
  expect([1, 2, 3].map((attempt) => backoff(attempt, { baseMs: 10, maxMs: 25, random: () => 1 }))).toEqual([
    10, 20, 25,
  ]);
  expect(new Set(Array.from({ length: 50 }, () => backoff(3))).size).toBeGreaterThan(1);
});
