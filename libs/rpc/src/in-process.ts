import { AppError } from '@certferry/core';
import { Metadata, type CallContext, type CallOptions } from 'nice-grpc-common';
import type { Client, CompatServiceDefinition } from 'nice-grpc';
import { observe, REQUEST_ID, type CallObserver } from './call-observer.ts';
import { DEFAULT_DEADLINE_MS, type DeadlineOptions } from './deadline.ts';
import { crossBorder } from './error-mapping.ts';
import type { AnyImplementation, MethodDefinition } from './service.ts';

/**
 * A client that calls the implementation directly. Requests and answers pass through `fromPartial`, errors lose their
 * cause, the default deadline holds: what a handler sees is what the wire would bring.
 */
export function createInProcessClient<D extends CompatServiceDefinition>(
  definition: D,
  implementation: AnyImplementation,
  observer: CallObserver,
): Client<D, DeadlineOptions> {
  const { fullName, methods } = definition as unknown as {
    fullName: string;
    methods: Record<string, MethodDefinition>;
  };
  const client: Record<string, unknown> = {};
  for (const [name, method] of Object.entries(methods)) {
    const handler = implementation[name];
    if (!handler) throw new Error(`${fullName}/${name} is not implemented`);
    const served: Served = {
      method,
      name: `${fullName}/${method.name}`,
      observer,
      handler: handler.bind(implementation),
    };
    client[name] = method.responseStream
      ? (request: object, options: Options = {}) => answerStream(served, request, options)
      : (request: object, options: Options = {}) => answerOnce(served, request, options);
  }
  return client as Client<D, DeadlineOptions>;
}

type Options = CallOptions & DeadlineOptions;

interface Served {
  method: MethodDefinition;
  name: string;
  observer: CallObserver;
  handler: AnyImplementation[string];
}

async function answerOnce(served: Served, request: object, options: Options): Promise<object> {
  const { method, observer, handler } = served;
  const context = createContext(options);
  const call = { method: served.name, requestId: context.metadata.get(REQUEST_ID) ?? '' };
  const run = () => handler(asRequest(method, request) as never, context) as Promise<object>;
  try {
    const answer = await withDeadline(options.deadline ?? DEFAULT_DEADLINE_MS, observe(observer, call, run));
    return method.responseType.fromPartial(answer);
  } catch (error) {
    throw crossBorder(error);
  }
}

/** The deadline holds for each answer: how long they take together is for the listener. */
async function* answerStream(served: Served, request: object, options: Options): AsyncGenerator<object> {
  const { method, observer, handler } = served;
  const context = createContext(options);
  const start = performance.now();
  let failure: unknown;
  const answers = (handler(asRequest(method, request) as never, context) as AsyncIterable<object>)[
    Symbol.asyncIterator
  ]();
  try {
    for (;;) {
      const next = await withDeadline(options.deadline ?? DEFAULT_DEADLINE_MS, answers.next());
      if (next.done) return;
      yield method.responseType.fromPartial(next.value);
    }
  } catch (error) {
    failure = error;
    throw crossBorder(error);
  } finally {
    await answers.return?.();
    const requestId = context.metadata.get(REQUEST_ID) ?? '';
    observer.callEnded({ method: served.name, requestId, milliseconds: performance.now() - start, error: failure });
  }
}

function asRequest(method: MethodDefinition, request: object): object {
  if (!method.requestStream) return method.requestType.fromPartial(request);
  return (async function* () {
    for await (const one of request as AsyncIterable<object>) yield method.requestType.fromPartial(one);
  })();
}

function createContext(options: CallOptions): CallContext {
  return {
    metadata: options.metadata ? Metadata(options.metadata) : Metadata(),
    peer: 'in-process',
    header: Metadata(),
    trailer: Metadata(),
    sendHeader: () => undefined,
    signal: options.signal ?? new AbortController().signal,
  };
}

async function withDeadline<T>(deadline: Date | number, answer: Promise<T>): Promise<T> {
  const milliseconds = typeof deadline === 'number' ? deadline : deadline.getTime() - Date.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new AppError({
            code: 'DEADLINE_EXCEEDED',
            reason: 'DEADLINE_EXCEEDED',
            message: 'A service of Certferry took too long.',
          }),
        ),
      milliseconds,
    );
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
