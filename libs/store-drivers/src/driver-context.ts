import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { parserV1 } from '@certferry/contracts';
import { AppError } from '@certferry/core';
import type { Connect, Endpoint } from '@certferry/outbound';
import type { Client, DeadlineOptions } from '@certferry/rpc';
import type { StoreRoots } from './files/store-roots.ts';
import { untilAborted } from './until-aborted.ts';

/** What drivers ask the parser for. */
export type StoreParser = Pick<
  Client<typeof parserV1.ParserServiceDefinition, DeadlineOptions>,
  'inspect' | 'open' | 'listKeystore' | 'editKeystore'
>;

/** What a process lends to the drivers that it runs. */
export interface DriverHost {
  /** Where file stores may be. */
  roots: StoreRoots;
  parser: StoreParser;
  /** Every outbound connection of every driver is made by this. */
  connect: Connect;
}

/** How long a store may stay open. */
export interface StoreLimits {
  signal: AbortSignal;
  deadline: Date;
}

/** What a driver is given besides its store's config. Waiting for `parser` and `connect` ends with the signal. */
export interface DriverContext {
  storeId: string;
  /** Aborted: stop what you do and reject with its reason, an AppError CANCELLED or DEADLINE_EXCEEDED. */
  signal: AbortSignal;
  /** When the signal is aborted at the latest: for drivers that tell it to a server. */
  deadline: Date;
  roots: StoreRoots;
  parser: StoreParser;
  /** The only way out. The socket is destroyed when the signal is aborted; a driver closes it in `close` at the latest. */
  connect(to: Endpoint): Promise<Socket | TLSSocket>;
}

/** setTimeout takes no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** The context of one open store, and what ends its watch of time and signal. */
export function createDriverContext(
  host: DriverHost,
  storeId: string,
  limits: StoreLimits,
): { context: DriverContext; release: () => void } {
  const stop = new AbortController();
  const cancel = () => stop.abort(cancelled());
  const wait = Math.min(Math.max(limits.deadline.getTime() - Date.now(), 0), MAX_TIMER_MS);
  const timer = setTimeout(() => stop.abort(targetHangs()), wait);
  if (wait === 0) stop.abort(targetHangs());
  if (limits.signal.aborted) cancel();
  limits.signal.addEventListener('abort', cancel, { once: true });
  const { signal } = stop;
  const { parser } = host;
  const context: DriverContext = {
    storeId,
    signal,
    deadline: limits.deadline,
    roots: host.roots,
    parser: {
      inspect: (request, options) => untilAborted(signal, parser.inspect(request, { ...options, signal })),
      open: (request, options) => untilAborted(signal, parser.open(request, { ...options, signal })),
      listKeystore: (request, options) => untilAborted(signal, parser.listKeystore(request, { ...options, signal })),
      editKeystore: (request, options) => untilAborted(signal, parser.editKeystore(request, { ...options, signal })),
    },
    connect: async (to) => {
      signal.throwIfAborted();
      return await untilAborted(signal, host.connect(to, signal));
    },
  };
  const release = () => {
    clearTimeout(timer);
    limits.signal.removeEventListener('abort', cancel);
  };
  return { context, release };
}

export const cancelled = (): AppError =>
  new AppError({ code: 'CANCELLED', reason: 'CANCELLED', message: 'Working with the store was cancelled.' });

/** DEADLINE_EXCEEDED: the store, or what it is on, does not answer. */
export const targetHangs = (): AppError =>
  new AppError({
    code: 'DEADLINE_EXCEEDED',
    reason: 'TARGET_HANGS',
    message: 'The store did not answer in time.',
  });
