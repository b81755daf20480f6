/**
 * Capped exponential back-off in milliseconds, with jitter over its upper half: attempt 1 waits 0.5 to 1 s, attempt 9
 * up to 256 s, all later ones up to 5 minutes. `baseMs` and `maxMs` scale that.
 */
export function backoff(
  attempt: number,
  {
    baseMs = 1_000,
    maxMs = 300_000,
    random = Math.random,
  }: { baseMs?: number; maxMs?: number; random?: () => number } = {},
): number {
  const full = Math.min(baseMs * 2 ** (attempt - 1), maxMs);
  return full / 2 + (random() * full) / 2;
}
