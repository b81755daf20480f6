import type { StoreLimits } from './driver-context.ts';
import type { OpenStore } from './store-driver.ts';

/** What of a store is needed to open it; the config with its secrets. */
export interface StoreAddress {
  id: string;
  kind: string;
  config: Record<string, unknown>;
}

/**
 * How those that run jobs reach a store, here or elsewhere. What goes in and comes out is plain data, so that a store
 * can be served over a stream.
 */
export interface StoreAccess {
  /**
   * UNKNOWN_STORE_KIND, INVALID_STORE_CONFIG, and what the driver finds wrong. Whoever opens a store closes it; until
   * then its calls reject with CANCELLED or DEADLINE_EXCEEDED when `limits` end.
   */
  open(store: StoreAddress, limits: StoreLimits): Promise<OpenStore>;
}
