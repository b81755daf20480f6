import { hash } from 'node:crypto';
import { expect, test } from 'vitest';
import { canIterate, iterateDigest } from './iterated-digest.ts';
import { repeatDigest } from './repeat-digest.ts';

const DIGESTS = ['sha1', 'sha224', 'sha256', 'sha384', 'sha512'];

test.each(DIGESTS)('%s, iterated, is what node:crypto digests one by one', (digest) => {
  for (const text of ['', 'a', 'ferry'])
    for (const times of [1, 2, 499, 500, 501, 1_234]) {
      let expected = hash(digest, text, 'buffer');
      const start = Buffer.from(expected);
      for (let i = 0; i < times; i++) expected = hash(digest, expected, 'buffer');
      expect(iterateDigest(digest, start, times)).toEqual(expected);
    }
});

test.each([...DIGESTS, 'md5', 'sha3-256'])('%s is the same a little below the engine and above', (digest) => {
  const input = Buffer.from('some input that is longer than one block of the digest: '.repeat(4));
  const state = (times: number) => repeatDigest(digest, { input, times });
  const next = hash(digest, state(9_999), 'buffer');
  expect(state(10_000)).toEqual(next);
  expect(state(10_001)).toEqual(hash(digest, next, 'buffer'));
});

test('what has no engine is left to node:crypto', () => {
  expect(['md5', 'sha3-256', 'sha512-256', 'toString'].filter(canIterate)).toEqual([]);
});
