import { AsyncLocalStorage } from 'node:async_hooks';
import { AppError } from '@certferry/core';
import { cancelled, targetHangs, type StoreLimits, type StoreParser } from '../driver-context.ts';
import type { StoreAddress } from '../store-access.ts';
import type { OpenStore, PreparedChange } from '../store-driver.ts';
import type { OpenAnswer, OpenInput, RemotePrepared, StoreCall, StoreCalls } from './store-calls.ts';
import type { StoreChild } from './store-child.ts';

interface VisitOptions {
  limits: StoreLimits;
  answerMs: number;
  graceMs: number;
  silentMs: number;
  parser: StoreParser;
  /** For the next visit. */
  giveBack: () => void;
  /** Resolves when it is gone, or cannot be waited for. */
  end: () => Promise<void>;
}

/** setTimeout takes no more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** One visit to a store in a child, which it has alone. */
export class ChildVisit {
  readonly #child: StoreChild;
  readonly #options: VisitOptions;
  readonly #alive: NodeJS.Timeout;
  readonly #deadline: NodeJS.Timeout;
  readonly #inOwnContext = AsyncLocalStorage.snapshot();
  /** Why nothing more is done. */
  #stopped: AppError | undefined;
  #killer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(child: StoreChild, options: VisitOptions) {
    this.#child = child;
    this.#options = options;
    const { parser, limits, silentMs } = options;
    const { signal } = limits;
    // A message of the child is heard in the context in which that was started, which may be another caller's.
    child.asks = {
      inspect: (request: Parameters<StoreParser['inspect']>[0]) =>
        this.#inOwnContext(() => parser.inspect(request, { signal })),
      openContainer: (request: Parameters<StoreParser['open']>[0]) =>
        this.#inOwnContext(() => parser.open(request, { signal })),
      listKeystore: (request: Parameters<StoreParser['listKeystore']>[0]) =>
        this.#inOwnContext(() => parser.listKeystore(request, { signal })),
      editKeystore: (request: Parameters<StoreParser['editKeystore']>[0]) =>
        this.#inOwnContext(() => parser.editKeystore(request, { signal })),
    };
    this.#alive = setInterval(() => child.channel.notify('alive'), silentMs / 3);
    this.#deadline = setTimeout(() => this.#stop(targetHangs()), Math.min(this.#milliseconds, MAX_TIMER_MS));
    signal.addEventListener('abort', this.#cancel);
    if (signal.aborted) this.#cancel();
  }

  /** Opens the store; a visit that cannot has ended. */
  async open(store: StoreAddress, roots: string[]): Promise<OpenStore> {
    try {
      const input: OpenInput = { store, roots, milliseconds: this.#milliseconds, silentMs: this.#options.silentMs };
      return this.#store(await this.#call<OpenAnswer>('open', input));
    } catch (error) {
      await this.#close().catch(() => undefined);
      throw error;
    }
  }

  get #milliseconds(): number {
    return this.#options.limits.deadline.getTime() - Date.now();
  }

  #store({ hasPlaces }: OpenAnswer): OpenStore {
    const call = <T>(method: StoreCall['method'], ...args: unknown[]): Promise<T> => {
      const input: StoreCall = { method, args };
      return this.#call('call', input);
    };
    return {
      revision: () => call('revision'),
      entries: () => call('entries'),
      prepare: async (change) => this.#withWrite(await call('prepare', change)),
      snapshot: async (alias) => {
        const taken = await call<Uint8Array | undefined>('snapshot', alias);
        return taken && Buffer.from(taken);
      },
      prepareRestore: async (...kept) => this.#withWrite(await call('prepareRestore', ...kept)),
      cleanUp: () => call('cleanUp'),
      tryWriting: () => call('tryWriting'),
      ...(hasPlaces && { places: () => call('places') }),
      close: () => this.#close(),
    };
  }

  #withWrite({ prepared, ...plain }: RemotePrepared): PreparedChange {
    return { ...plain, write: () => this.#call('write', prepared) };
  }

  async #call<T>(name: keyof StoreCalls, input?: unknown): Promise<T> {
    if (this.#stopped) throw this.#stopped;
    const timer = setTimeout(() => this.#stop(targetHangs()), this.#options.answerMs);
    try {
      return await this.#child.channel.call<T>(name, input);
    } catch (error) {
      // By its own clock the child may be late first.
      if (error instanceof AppError && error.reason === 'TARGET_HANGS') this.#stop(error);
      throw this.#stopped ?? error;
    } finally {
      clearTimeout(timer);
    }
  }

  readonly #cancel = (): void => this.#stop(cancelled());

  /** What is asked rejects once the child has said so, or is gone: nobody else may have the store before. */
  #stop(reason: AppError): void {
    if (this.#stopped) return;
    this.#stopped = reason;
    this.#child.channel.notify('stop');
    this.#killer = setTimeout(() => void this.#options.end(), this.#options.graceMs);
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { limits, graceMs, giveBack, end } = this.#options;
    clearTimeout(this.#deadline);
    limits.signal.removeEventListener('abort', this.#cancel);
    const leave = () => clearInterval(this.#alive);
    if (this.#stopped) {
      // It ends by itself when what it was stopped at has cleaned up, and else by the killer.
      this.#child.channel.notify('end');
      void this.#child.gone.then(() => (leave(), clearTimeout(this.#killer)));
      return;
    }
    const late = setTimeout(() => void end(), graceMs);
    try {
      await this.#child.channel.call('close');
      giveBack();
    } catch (error) {
      await end();
      throw error;
    } finally {
      clearTimeout(late);
      leave();
    }
  }
}
