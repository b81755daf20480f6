export const LEASE_MS = 30_000;
export const HEARTBEAT_MS = 10_000;
const FAILURES_TO_STOP = 2;

export interface LeaseOptions {
  /** The database's clock, by which leases of several machines compare. */
  now: () => Promise<Date>;
  /**
   * Moves the end of the lease; false when it is somebody else's by now. Must match nothing once the work is final:
   * a heartbeat may be under way while the work ends.
   */
  extend: (until: Date) => Promise<boolean>;
  /** `performance.now()` from before the database's clock was read to take the lease. */
  takenAt: number;
  /** Default: 30 seconds. */
  leaseMs?: number;
  /** Default: 10 seconds. */
  heartbeatMs?: number;
}

/**
 * A lease that was taken, and its heartbeat. It is lost, once and for all, when it is somebody else's, after two
 * heartbeats that failed (or were not answered until the next), and when its time has passed on our own monotonic
 * clock, which is what a process finds that was paused.
 */
export class Lease {
  readonly #options: Required<LeaseOptions>;
  readonly #lost = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #validUntil: number;
  #failures = 0;
  #beating: Promise<void> | undefined;

  constructor(options: LeaseOptions) {
    this.#options = { leaseMs: LEASE_MS, heartbeatMs: HEARTBEAT_MS, ...options };
    this.#validUntil = options.takenAt + this.#options.leaseMs;
    this.#timer = setInterval(() => this.#tick(), this.#options.heartbeatMs);
  }

  /** Aborted when the lease is lost: what runs under it must stop, and touch nothing any more. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Whether nobody else can have the lease; ask right before what must not be done twice. */
  get held(): boolean {
    if (performance.now() >= this.#validUntil) this.#lose();
    return !this.#lost.signal.aborted;
  }

  /** Ends the heartbeat, and waits for the one under way. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beating;
  }

  #tick(): void {
    if (!this.held) return;
    if (this.#beating) this.#fail();
    else this.#beating = this.#beat().finally(() => (this.#beating = undefined));
  }

  async #beat(): Promise<void> {
    const { now, extend, leaseMs } = this.#options;
    const began = performance.now();
    try {
      const extended = await extend(new Date((await now()).getTime() + leaseMs));
      if (!extended) return this.#lose();
      this.#validUntil = began + leaseMs;
      this.#failures = 0;
    } catch {
      this.#fail();
    }
  }

  #fail(): void {
    if (++this.#failures >= FAILURES_TO_STOP) this.#lose();
  }

  #lose(): void {
    clearInterval(this.#timer);
    this.#lost.abort(new Error('The lease was lost.'));
  }
}
