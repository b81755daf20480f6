import { AppError } from '@certferry/core';

/**
 * Runs something that heeds a signal, aborted with the caller's or when the time is over.
 * DEADLINE_EXCEEDED SOURCE_TOO_SLOW names what took too long.
 */
export async function withinTime<T>(
  { signal, timeoutMs, what }: { signal: AbortSignal; timeoutMs: number; what: string },
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const message = `${what} did not answer within ${timeoutMs / 1000} s.`;
  const late = () => stop.abort(new AppError({ code: 'DEADLINE_EXCEEDED', reason: 'SOURCE_TOO_SLOW', message }));
  const timer = setTimeout(late, timeoutMs);
  const either = AbortSignal.any([signal, stop.signal]);
  try {
    return await run(either);
  } catch (error) {
    // What an abort breaks off fails in its own words.
    either.throwIfAborted();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
