import type { Logger } from '@certferry/runtime';
import { isNotAsked } from '@certferry/store-drivers';
import { isHang } from './watch-access.ts';

export interface ParkedStoresOptions {
  /** One cheap visit to a store; rejects with what is wrong. */
  probe: (storeId: string) => Promise<void>;
  /** A store may be worked on again. */
  onFree: () => void;
  logger: Logger;
  /** The wait before the first probe; each next one is twice as long. Default: 10 seconds. */
  firstMs?: number;
  /** The longest wait. Default: 5 minutes. */
  maxMs?: number;
}

/** Probes that run at a time; those of a store that still hangs take until their deadline. */
const PROBES = 2;

interface Parked {
  since: Date;
  waitMs: number;
  timer: NodeJS.Timeout;
}

/** Stores that hang: their jobs wait, and take no place of a worker, until a probe is answered, whatever the answer. */
export class ParkedStores {
  readonly #options: Required<ParkedStoresOptions>;
  readonly #parked = new Map<string, Parked>();
  readonly #due: string[] = [];
  #probing = 0;

  constructor(options: ParkedStoresOptions) {
    this.#options = { firstMs: 10_000, maxMs: 300_000, ...options };
  }

  get ids(): string[] {
    return [...this.#parked.keys()];
  }

  /** A store that hangs; one that is parked already stays so. */
  park(storeId: string): void {
    if (this.#parked.has(storeId)) return;
    const { firstMs, logger } = this.#options;
    this.#parked.set(storeId, { since: new Date(), waitMs: firstMs, timer: this.#probeAfter(storeId, firstMs) });
    logger.warn({ storeId, reason: 'TARGET_HANGS', probeInMs: firstMs }, 'store parked: it does not answer');
  }

  /** Probes no more. */
  stop(): void {
    for (const { timer } of this.#parked.values()) clearTimeout(timer);
    this.#parked.clear();
    this.#due.length = 0;
  }

  #probeAfter(storeId: string, waitMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#due.push(storeId);
      void this.#probeDue();
    }, waitMs).unref();
  }

  async #probeDue(): Promise<void> {
    if (this.#probing >= PROBES) return;
    this.#probing++;
    for (let storeId = this.#due.shift(); storeId !== undefined; storeId = this.#due.shift())
      await this.#probe(storeId);
    this.#probing--;
  }

  async #probe(storeId: string): Promise<void> {
    const { probe, maxMs, logger, onFree } = this.#options;
    const error: unknown = await probe(storeId).catch((thrown: unknown) => thrown);
    const parked = this.#parked.get(storeId);
    // Stopped meanwhile.
    if (!parked) return;
    if (isHang(error) || isNotAsked(error)) {
      parked.waitMs = Math.min(parked.waitMs * 2, maxMs);
      parked.timer = this.#probeAfter(storeId, parked.waitMs);
      logger.info({ storeId, probeInMs: parked.waitMs }, 'parked store still does not answer');
      return;
    }
    this.#parked.delete(storeId);
    const seconds = Math.round((Date.now() - parked.since.getTime()) / 1_000);
    logger.info({ storeId, seconds, ...(error instanceof Error && { err: error }) }, 'parked store answers again');
    onFree();
  }
}
