import { AsyncLocalStorage } from 'node:async_hooks';
import type { Client, CompatServiceDefinition } from 'nice-grpc';
import type { CallOptions, Metadata } from 'nice-grpc-common';
import { callContext, stepsIn, type RunIn } from './call-context.ts';
import { toMetadata } from './call-metadata.ts';
import { DEFAULT_DEADLINE_MS, type DeadlineOptions } from './deadline.ts';
import { cancelled, deadlineExceeded } from './error-mapping.ts';
import { methodsOf } from './service.ts';

/** How a call leaves: each method by its name. The signal aborts at the deadline too; answers that stream end with it. */
export type Transport = Record<
  string,
  (request: object, options: SentOptions) => Promise<object> | AsyncIterable<object>
>;

export interface SentOptions extends CallOptions {
  metadata: Metadata;
  signal: AbortSignal;
}

/**
 * A client whose every call carries the context that it is made in: request id and principal go along, the deadline is the
 * smaller of its own and of what is left of the context's, and the context's signal aborts it.
 */
export function createClient<D extends CompatServiceDefinition>(
  definition: D,
  transport: Transport,
): Client<D, DeadlineOptions> {
  const client: Transport = {};
  for (const [name, method] of methodsOf(definition)) {
    const send = transport[name]!;
    client[name] = (request: object, options: CallOptions & DeadlineOptions = {}) => {
      const call = new OutgoingCall(options);
      const sent = method.requestStream ? call.inCaller(request as AsyncIterable<object>) : request;
      return method.responseStream
        ? call.stream((given) => send(sent, given) as AsyncIterable<object>)
        : call.once((given) => send(sent, given) as Promise<object>);
    };
  }
  // The loop above has made exactly the methods that the definition's type says.
  return client as unknown as Client<D, DeadlineOptions>;
}

/** One call: keeps what it was made in, and watches its deadline and signals while it runs. */
class OutgoingCall {
  readonly #options: CallOptions;
  readonly #context = callContext();
  readonly #runInCaller: RunIn = AsyncLocalStorage.snapshot();
  readonly #deadline: Date;
  readonly #controller = new AbortController();
  #late = false;
  #timer: NodeJS.Timeout | undefined;

  constructor({ deadline = DEFAULT_DEADLINE_MS, ...options }: CallOptions & DeadlineOptions) {
    this.#options = options;
    const own = typeof deadline === 'number' ? Date.now() + deadline : deadline.getTime();
    this.#deadline = new Date(Math.min(own, this.#context.deadline?.getTime() ?? Infinity));
  }

  inCaller<T>(requests: AsyncIterable<T>): AsyncIterable<T> {
    return stepsIn(this.#runInCaller, () => requests);
  }

  async once<T>(send: (options: SentOptions) => Promise<T>): Promise<T> {
    try {
      return await send(this.#begin());
    } catch (error) {
      throw this.#reasonOf(error);
    } finally {
      this.#end();
    }
  }

  async *stream<T>(receive: (options: SentOptions) => AsyncIterable<T>): AsyncGenerator<T> {
    let complete = false;
    try {
      yield* receive(this.#begin());
      complete = true;
    } catch (error) {
      throw this.#reasonOf(error);
    } finally {
      this.#end();
      if (!complete) this.#abort();
    }
  }

  #begin(): SentOptions {
    for (const signal of this.#signals()) {
      if (signal.aborted) throw cancelled();
      signal.addEventListener('abort', this.#abort);
    }
    const left = this.#deadline.getTime() - Date.now();
    this.#late = left <= 0;
    if (this.#late) throw deadlineExceeded();
    this.#timer = setTimeout(() => {
      this.#late = true;
      this.#abort();
    }, left);
    const metadata = toMetadata({ ...this.#context, deadline: this.#deadline }, this.#options.metadata);
    return { ...this.#options, metadata, signal: this.#controller.signal };
  }

  #end(): void {
    clearTimeout(this.#timer);
    for (const signal of this.#signals()) signal.removeEventListener('abort', this.#abort);
  }

  #signals(): AbortSignal[] {
    return [this.#context.signal, ...(this.#options.signal ? [this.#options.signal] : [])];
  }

  readonly #abort = () => this.#controller.abort();

  #reasonOf(error: unknown): unknown {
    if (this.#late) return deadlineExceeded();
    return this.#controller.signal.aborted ? cancelled(error) : error;
  }
}
