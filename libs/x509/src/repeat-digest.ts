import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { canIterate, iterateDigest } from './iterated-digest.ts';

/** Up to here making the engine costs more than it saves. */
const WORTH_AN_ENGINE = 10_000;
const NOTHING = Buffer.alloc(0);

/**
 * Digests `input` and then each digest again, `times` in all, as the older key derivations do (RFC 8018 section 5.1,
 * RFC 7292 appendix B.2); `suffix` is digested behind it every time. A Latin-1 string is how node:crypto answers
 * fastest: a new Buffer for each of thousands of rounds costs more than the digest.
 */
export function repeatDigest(
  digest: string,
  { input, times, suffix = NOTHING }: { input: Uint8Array; times: number; suffix?: Uint8Array },
): Buffer {
  const first = hash(digest, Buffer.concat([input, suffix]), 'buffer');
  if (times >= WORTH_AN_ENGINE && suffix.length === 0 && canIterate(digest))
    return iterateDigest(digest, first, times - 1);
  const state = Buffer.concat([first, suffix]);
  for (let i = 1; i < times; i++) state.write(hash(digest, state, 'binary'), 'binary');
  return state.subarray(0, first.length);
}
