import { checkConfig } from './check-config.ts';
import { createDriverContext, type DriverHost, type StoreLimits } from './driver-context.ts';
import { findDriver } from './drivers.ts';
import type { StoreAccess, StoreAddress } from './store-access.ts';
import type { OpenStore } from './store-driver.ts';

/** Opens stores with the drivers of this process. */
export class LocalStoreAccess implements StoreAccess {
  readonly #host: DriverHost;
  readonly #find: typeof findDriver;

  /** `find`: other kinds than the product's; for tests. */
  constructor(host: DriverHost, find = findDriver) {
    this.#host = host;
    this.#find = find;
  }

  async open({ id, kind, config }: StoreAddress, limits: StoreLimits): Promise<OpenStore> {
    const driver = this.#find(kind);
    const checked = checkConfig(driver, config);
    const { context, release } = createDriverContext(this.#host, id, limits);
    try {
      context.signal.throwIfAborted();
      return closedWith(await driver.open(checked, context), release);
    } catch (error) {
      release();
      throw error;
    }
  }
}

/** The store, whose close gives back what was made for it too. */
function closedWith(store: OpenStore, release: () => void): OpenStore {
  return {
    revision: () => store.revision(),
    entries: () => store.entries(),
    prepare: (change) => store.prepare(change),
    snapshot: (alias) => store.snapshot(alias),
    prepareRestore: (...kept) => store.prepareRestore(...kept),
    cleanUp: () => store.cleanUp(),
    tryWriting: () => store.tryWriting(),
    ...(store.places && { places: () => store.places!() }),
    close: async () => {
      try {
        await store.close();
      } finally {
        release();
      }
    },
  };
}
