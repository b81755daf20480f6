import { connectDirectly } from '@certferry/outbound';
import { endNow, serveParent, type Channel, type Handlers } from '@certferry/runtime/child';
import type { StoreParser } from '../driver-context.ts';
import { findDriver } from '../drivers.ts';
import { StoreRoots } from '../files/store-roots.ts';
import { LocalStoreAccess } from '../local-store-access.ts';
import type { OpenStore, PreparedChange } from '../store-driver.ts';
import type { OpenAnswer, OpenInput, StoreCall, StoreCalls } from './store-calls.ts';

/** The whole of a child: opens stores for its parent, one after another, with the drivers that `find` knows. */
export function serveStores(find = findDriver): void {
  const visitor = new Visitor(find);
  visitor.parent = serveParent(visitor.handlers);
}

class Visitor {
  parent!: Channel;
  readonly #find: typeof findDriver;
  #store: OpenStore | undefined;
  #stop = new AbortController();
  /** By the number under which the parent knows them. */
  readonly #prepared = new Map<number, PreparedChange>();
  #watch: NodeJS.Timeout | undefined;
  #heard = 0;

  constructor(find: typeof findDriver) {
    this.#find = find;
  }

  readonly handlers = {
    open: (input: OpenInput) => this.#open(input),
    call: (call: StoreCall) => this.#call(call),
    write: (prepared: number) => this.#prepared.get(prepared)!.write(),
    close: () => this.#close(),
    stop: () => this.#stop.abort(),
    alive: () => void (this.#heard = performance.now()),
    end: () => this.#end(),
  } satisfies StoreCalls & Handlers;

  async #open({ store, roots, milliseconds, silentMs }: OpenInput): Promise<OpenAnswer> {
    this.#stop = new AbortController();
    this.#heard = performance.now();
    this.#watch = setInterval(() => {
      if (performance.now() - this.#heard > silentMs) endNow();
    }, silentMs / 3);
    const host = { roots: new StoreRoots(roots), parser: this.#parser(), connect: connectDirectly };
    const limits = { signal: this.#stop.signal, deadline: new Date(Date.now() + milliseconds) };
    this.#store = await new LocalStoreAccess(host, this.#find).open(store, limits);
    return { hasPlaces: this.#store.places !== undefined };
  }

  async #call({ method, args }: StoreCall): Promise<unknown> {
    // Name and arguments are of one call of the same method: `ChildVisit` sees to it.
    const store = this.#store as unknown as Record<string, ((...args: unknown[]) => Promise<unknown>) | undefined>;
    // Not every store can say its places.
    const answer = await store[method]?.(...args);
    if (!isPrepared(answer)) return answer;
    const prepared = this.#prepared.size;
    this.#prepared.set(prepared, answer);
    return { ...withoutWrite(answer), prepared };
  }

  async #close(): Promise<void> {
    clearInterval(this.#watch);
    this.#prepared.clear();
    const store = this.#store;
    this.#store = undefined;
    await store?.close();
  }

  /** After a visit that was stopped: what still runs cleans up after itself, and the process ends when that is done. */
  async #end(): Promise<void> {
    this.#stop.abort();
    await this.#close().catch(() => undefined);
    process.removeListener('disconnect', endNow);
    process.disconnect();
  }

  #parser(): StoreParser {
    return {
      inspect: (request) => this.parent.call('inspect', request),
      open: (request) => this.parent.call('openContainer', request),
      listKeystore: (request) => this.parent.call('listKeystore', request),
      editKeystore: (request) => this.parent.call('editKeystore', request),
    };
  }
}

const withoutWrite = (prepared: object): object =>
  Object.fromEntries(Object.entries(prepared).filter(([name]) => name !== 'write'));

const isPrepared = (answer: unknown): answer is PreparedChange =>
  // A Buffer has a write too.
  typeof answer === 'object' && answer !== null && 'newRevision' in answer;
