import type { CallContext as Transport, MethodDescriptor } from 'nice-grpc-common';
import { stepsIn, withCallContext } from './call-context.ts';
import { fromMetadata } from './call-metadata.ts';
import type { CallObserver } from './call-observer.ts';
import { answeredError, crossBorder } from './error-mapping.ts';

/** A call as it comes in: its own messages and what answers it. */
export interface IncomingCall<Q, A> {
  method: Pick<MethodDescriptor, 'path'>;
  request: Q;
  next(request: Q, transport: Transport): AsyncIterable<A, A | void>;
}

/**
 * What every call passes, over the wire and in process: it runs in the context it came with, the observer hears of it, and
 * nothing but AppErrors without their cause leave.
 */
export async function* passBorder<Q, A>(
  observer: CallObserver,
  call: IncomingCall<Q, A>,
  transport: Transport,
): AsyncGenerator<A, A | void, undefined> {
  const context = fromMetadata(transport.metadata, transport.signal);
  const start = performance.now();
  let error: unknown;
  try {
    return yield* stepsIn(
      (run) => withCallContext(context, run),
      () => call.next(call.request, transport),
    );
  } catch (thrown) {
    error = answeredError(thrown, transport.signal);
    throw crossBorder(error);
  } finally {
    observer.callEnded({
      method: call.method.path.slice(1),
      requestId: context.requestId,
      caller: context.principal.id,
      milliseconds: performance.now() - start,
      error,
    });
  }
}
