import { backoff } from './backoff.ts';
import { Lease, LEASE_MS } from './lease.ts';
import { Loop } from './loop.ts';

/** Work that was taken under a lease. */
export interface Taken {
  /** Moves the end of every lease that it needs; false when one is lost. Must match nothing once the work is final. */
  extend: (until: Date) => Promise<boolean>;
  /**
   * Does it. Asks `lease.held` right before what must not be done twice, or gives `lease.lost` to what can be aborted.
   * `stopping` is aborted when the pool stops and waits for this run. What it throws goes to `onError`.
   */
  run: (lease: Lease, stopping: AbortSignal) => Promise<void>;
  /**
   * Gives the resource back. Not called when the lease is lost, nor after a run that threw: what it left midway must
   * not be overtaken by other work of the resource, so both are left to the end of the lease.
   */
  release?: () => Promise<void>;
}

export interface LeasedPoolOptions {
  /** Resources that are worked on at the same time. */
  concurrency: number;
  /** How many of those that run only wait, for something that may never come, and take no place. Default: none. */
  aside?: () => number;
  /** The database's clock. */
  now: () => Promise<Date>;
  /**
   * Resources with due work, the most urgent first, without those of `excluding` (in the query: `$nin`, so that
   * however much work one busy resource has, the others are seen). The same one twice does no harm.
   */
  due: (look: { now: Date; excluding: string[]; limit: number }) => Promise<string[]>;
  /**
   * Resources on which nothing may start before a moment: those that another process has leased
   * (`ResourceLeases.taken`), and those that wait for a piece of work that must go first and is not due yet.
   */
  busy?: (now: Date) => Promise<{ resource: string; until: Date }[]>;
  /**
   * Takes a resource until `until`, then, under its lease, chooses which piece of its work is next, and takes that:
   * what must go before all others of the resource (it was interrupted midway) is chosen here. Undefined, with nothing
   * left leased, when another process was faster or there is nothing to do after all.
   */
  take: (resource: string, time: { now: Date; until: Date }) => Promise<Taken | undefined>;
  /** Hears of looks that failed, and of takes and runs that did, with their resource. */
  onError: (error: unknown, resource?: string) => void;
  leaseMs?: number;
  heartbeatMs?: number;
  /** How often it looks when nobody kicks it. Default: a second. */
  intervalMs?: number;
}

const LOOK_AHEAD = 200;

/**
 * Takes due work and runs it, one piece a resource and several resources at a time. A busy resource is left out of
 * the question instead of asked for again, so that it neither makes the pool spin nor hides the others; the pool looks
 * again when it is kicked, when a run has ended, when a lease ends, and at its interval. A resource whose take or run
 * threw is left alone for a back-off.
 */
export class LeasedPool {
  readonly #options: LeasedPoolOptions & { leaseMs: number };
  readonly #loop: Loop;
  readonly #running = new Map<string, Promise<void>>();
  /** By resource: how often in a row it threw, and until when (`performance.now()`) it is left alone. */
  readonly #failed = new Map<string, { failures: number; until: number }>();

  constructor(options: LeasedPoolOptions) {
    this.#options = { leaseMs: LEASE_MS, ...options };
    const { onError, intervalMs } = options;
    this.#loop = new Loop({
      round: (stopping) => this.#look(stopping),
      onError: (error) => onError(error),
      ...(intervalMs !== undefined && { intervalMs }),
    });
  }

  start(): void {
    this.#loop.start();
  }

  /** Says that there may be new work. */
  kick = (): void => this.#loop.kick();

  /** Takes no more and waits for what runs. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await Promise.all(this.#running.values());
  }

  get #places(): number {
    const { concurrency, aside } = this.#options;
    return concurrency + (aside?.() ?? 0) - this.#running.size;
  }

  /** Fills the pool; answers in how many milliseconds the first of the busy resources may be free. */
  async #look(stopping: AbortSignal): Promise<number | void> {
    const { now, due, busy } = this.#options;
    if (this.#places <= 0) return;
    const began = await now();
    const blocked = ((await busy?.(began)) ?? []).filter(({ resource }) => !this.#running.has(resource));
    const passed = new Set(blocked.map(({ resource }) => resource));
    while (this.#places > 0 && !stopping.aborted) {
      const takenAt = performance.now();
      const time = await now();
      const excluding = new Set([...this.#running.keys(), ...this.#leftAlone(), ...passed]);
      const found = await due({ now: time, excluding: [...excluding], limit: LOOK_AHEAD });
      const free = new Set(found.filter((resource) => !excluding.has(resource)));
      const resources = [...free].slice(0, this.#places);
      if (resources.length === 0) break;
      // Passed whether taken or not: in one look no resource is tried twice.
      for (const resource of resources) passed.add(resource);
      await Promise.all(resources.map((resource) => this.#start(resource, { now: time, takenAt, stopping })));
    }
    return Math.min(Infinity, ...blocked.map(({ until }) => until.getTime() - began.getTime()));
  }

  async #start(resource: string, { now, takenAt, stopping }: Start): Promise<void> {
    try {
      const until = new Date(now.getTime() + this.#options.leaseMs);
      const taken = await this.#options.take(resource, { now, until });
      if (taken) this.#running.set(resource, this.#run(resource, taken, { takenAt, stopping }));
    } catch (error) {
      this.#fail(resource, error);
    }
  }

  async #run(resource: string, taken: Taken, { takenAt, stopping }: Omit<Start, 'now'>): Promise<void> {
    const { now, leaseMs, heartbeatMs } = this.#options;
    const lease = new Lease({ now, extend: taken.extend, takenAt, leaseMs, ...(heartbeatMs && { heartbeatMs }) });
    try {
      try {
        await taken.run(lease, stopping);
      } finally {
        await lease.stop();
      }
      if (lease.held) await taken.release?.();
      this.#failed.delete(resource);
    } catch (error) {
      this.#fail(resource, error);
    } finally {
      this.#running.delete(resource);
      this.kick();
    }
  }

  #fail(resource: string, error: unknown): void {
    const failures = (this.#failed.get(resource)?.failures ?? 0) + 1;
    const wait = backoff(failures, { maxMs: this.#options.leaseMs });
    this.#failed.set(resource, { failures, until: performance.now() + wait });
    this.#options.onError(error, resource);
  }

  #leftAlone(): string[] {
    const now = performance.now();
    return [...this.#failed].filter(([, { until }]) => until > now).map(([resource]) => resource);
  }
}

interface Start {
  now: Date;
  takenAt: number;
  stopping: AbortSignal;
}
