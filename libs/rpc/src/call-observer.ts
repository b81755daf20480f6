import type { CallContext } from 'nice-grpc-common';

/** Hears of every call that this process serves, in-process or over the wire. */
export interface CallObserver {
  callEnded(call: { method: string; requestId: string; milliseconds: number; error: unknown }): void;
}

export const REQUEST_ID = 'certferry-request-id';
export const CALLER = 'certferry-caller';

export const requestIdOf = (context: CallContext): string => context.metadata.get(REQUEST_ID) ?? '';

/** Runs one handler and tells the observer how it went. */
export async function observe<T>(
  observer: CallObserver,
  call: { method: string; requestId: string },
  run: () => Promise<T>,
): Promise<T> {
  const start = performance.now();
  let error: unknown;
  try {
    return await run();
  } catch (thrown) {
    error = thrown;
    throw thrown;
  } finally {
    observer.callEnded({ ...call, milliseconds: performance.now() - start, error });
  }
}
