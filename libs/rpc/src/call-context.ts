import { AsyncLocalStorage } from 'node:async_hooks';
import { newId } from '@certferry/core';

/** Who asks: today the API key with this id. The empty id: nobody; the product works by itself. */
export interface Principal {
  readonly id: string;
  readonly name?: string;
}

/** What travels with a call and with every call that it makes, in process and over the wire alike. */
export interface CallContext {
  /** Ties together what the logs, the audit record and the services say of one request. */
  readonly requestId: string;
  readonly principal: Principal;
  /** None for work that nobody waits for. */
  readonly deadline?: Date;
  /** Aborted when the caller does not wait any longer; never after the call has ended. */
  readonly signal: AbortSignal;
}

const NOBODY: Principal = { id: '' };
const current = new AsyncLocalStorage<CallContext>();

/** The context of the call that this code runs in; outside of any a fresh one of nobody, with a new request id. */
export function callContext(): CallContext {
  return current.getStore() ?? backgroundContext({ principal: NOBODY });
}

/** As `callContext`, but undefined outside of any call: for those that only tell of it. */
export function currentCallContext(): CallContext | undefined {
  return current.getStore();
}

/** A context for work that no call waits for: no deadline, a signal that never aborts, a new request id unless one is given. */
export function backgroundContext(options: { requestId?: string; principal: Principal }): CallContext {
  const { requestId = newId(), principal } = options;
  return { requestId, principal, signal: new AbortController().signal };
}

/** Runs `run`, and whatever it starts, in this context. A generator needs `stepsIn`: it runs where its `next()` is called. */
export function withCallContext<T>(context: CallContext, run: () => T): T {
  return current.run(context, run);
}

/** Runs something in a context that it closes over, as AsyncLocalStorage.snapshot() does. */
export type RunIn = <T>(run: () => T) => T;

/** An iteration each step of which runs by `runIn`, whoever asks for the step. */
export function stepsIn<T, R>(runIn: RunIn, start: () => AsyncIterable<T, R>): AsyncIterableIterator<T, R, undefined> {
  let started: AsyncIterator<T, R> | undefined;
  const steps = () => (started ??= start()[Symbol.asyncIterator]());
  return {
    next: () => runIn(() => steps().next()),
    // Optional in the protocol: an iterator without them has nothing to clear away.
    return: (value) =>
      runIn(async () => (await steps().return?.(value)) ?? ({ done: true, value: (await value) as R } as const)),
    throw: (error) => runIn(async () => (await steps().throw?.(error)) ?? Promise.reject(error as Error)),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
