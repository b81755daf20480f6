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
    if (method.requestStream || method.responseStream)
      throw new Error(`${fullName}/${name} streams; in-process calls are unary`);
    const handler = implementation[name];
    if (!handler) throw new Error(`${fullName}/${name} is not implemented`);
    client[name] = async (request: object, options: CallOptions & DeadlineOptions = {}) => {
      const context = createContext(options);
      const call = { method: `${fullName}/${method.name}`, requestId: context.metadata.get(REQUEST_ID) ?? '' };
      const run = () => handler.call(implementation, method.requestType.fromPartial(request) as never, context);
      try {
        const answer = await withDeadline(options.deadline ?? DEFAULT_DEADLINE_MS, observe(observer, call, run));
        return method.responseType.fromPartial(answer);
      } catch (error) {
        throw crossBorder(error);
      }
    };
  }
  return client as Client<D, DeadlineOptions>;
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
