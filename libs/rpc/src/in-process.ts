import { Metadata, type CallContext as TransportContext } from 'nice-grpc-common';
import type { Client, CompatServiceDefinition } from 'nice-grpc';
import { passBorder } from './border.ts';
import type { CallObserver } from './call-observer.ts';
import type { DeadlineOptions } from './deadline.ts';
import { cancelled } from './error-mapping.ts';
import { createClient, type SentOptions, type Transport } from './outgoing-call.ts';
import { fullNameOf, methodsOf, type AnyImplementation, type MethodDefinition } from './service.ts';

/**
 * A client that calls the implementation directly. Requests and answers pass through `fromPartial` and the same border as
 * over the wire: what a handler sees is what the wire would bring.
 */
export function createInProcessClient<D extends CompatServiceDefinition>(
  definition: D,
  implementation: AnyImplementation,
  observer: CallObserver,
): Client<D, DeadlineOptions> {
  const transport: Transport = {};
  for (const [name, method] of methodsOf(definition)) {
    const handler = implementation[name];
    const path = `/${fullNameOf(definition)}/${method.name}`;
    if (!handler) throw new Error(`${path} is not implemented`);
    const served: Served = { method, path, observer, handler: handler.bind(implementation) };
    transport[name] = method.responseStream
      ? (request, options) => answerStream(served, request, options)
      : (request, options) => answerOnce(served, request, options);
  }
  return createClient(definition, transport);
}

interface Served {
  method: MethodDefinition;
  path: string;
  observer: CallObserver;
  handler: AnyImplementation[string];
}

async function answerOnce(served: Served, request: object, options: SentOptions): Promise<object> {
  const call = receive(served, request, options);
  const answer = await untilAborted(call.next(), options.signal);
  return served.method.responseType.fromPartial(answer.value as object);
}

async function* answerStream(served: Served, request: object, options: SentOptions): AsyncGenerator<object> {
  const call = receive(served, request, options);
  try {
    for (;;) {
      const next = await untilAborted(call.next(), options.signal);
      if (next.done) return;
      yield served.method.responseType.fromPartial(next.value);
    }
  } finally {
    // Not waited for, as on the wire: a handler that is busy ends when it looks at its signal.
    call.return(undefined).catch(() => undefined);
  }
}

function receive({ method, path, observer, handler }: Served, request: object, { metadata, signal }: SentOptions) {
  return passBorder(
    observer,
    {
      method: { path },
      request: asRequest(method, request),
      async *next(asked, transport): AsyncGenerator<object, object | void, undefined> {
        // Made by the method's own `fromPartial`: of its request's type, which a list of methods does not tell.
        const answer = handler(asked as never, transport);
        if (!method.responseStream) return await (answer as Promise<object>);
        return yield* answer as AsyncIterable<object, void>;
      },
    },
    createTransport(metadata, signal),
  );
}

function asRequest(method: MethodDefinition, request: object): object {
  if (!method.requestStream) return method.requestType.fromPartial(request);
  return (async function* () {
    for await (const one of request as AsyncIterable<object>) yield method.requestType.fromPartial(one);
  })();
}

const createTransport = (metadata: Metadata, signal: AbortSignal): TransportContext => ({
  metadata,
  peer: 'in-process',
  header: Metadata(),
  trailer: Metadata(),
  sendHeader: () => undefined,
  signal,
});

/** The caller does not wait for a handler that does not look at its signal. */
function untilAborted<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(cancelled());
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort);
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
