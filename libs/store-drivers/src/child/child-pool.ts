import { AppError } from '@certferry/core';
import type { StoreLimits } from '../driver-context.ts';
import { StoreChild, type ChildStart } from './store-child.ts';

export interface ChildPoolOptions extends ChildStart {
  /** Processes at most, those that cannot be killed not counted. */
  max: number;
  /** How many there are when there is nothing to do, once it was warmed. */
  keep: number;
  /** After so long without work a process ends. */
  idleMs: number;
}

/** Who waits for a process. */
interface Waiting {
  take: (child: StoreChild) => void;
  refuse: (error: Error) => void;
}

/** Starts that run at a time: while one takes its tenth of a second of CPU, those that work come free. */
const MAX_STARTING = 2;
/** How long a visit waits for a process. */
const MAX_WAIT_MS = 30_000;
/** Processes that cannot be killed; with one more, nothing is opened until one has gone. */
export const MAX_ABANDONED = 64;

/** Processes that work with stores: kept while they are used, the last used first. */
export class ChildPool {
  readonly #options: ChildPoolOptions;
  readonly #idle: StoreChild[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #alive = new Set<StoreChild>();
  readonly #abandoned = new Set<StoreChild>();
  readonly #sweep: NodeJS.Timeout;
  #starting = 0;
  #warm = false;
  #closed = false;

  constructor(options: ChildPoolOptions) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#endIdle(), options.idleMs).unref();
  }

  /** How many processes start, work, wait for work, and cannot be killed. */
  get counts(): { starting: number; busy: number; idle: number; abandoned: number } {
    const [starting, idle] = [this.#starting, this.#idle.length];
    return { starting, busy: this.#alive.size - idle - starting, idle, abandoned: this.#abandoned.size };
  }

  /** The ids of the processes that have started, for who watches them. */
  get pids(): number[] {
    return [...this.#alive].flatMap(({ pid, ready }) => (ready ? pid! : []));
  }

  /** Starts those that are to be kept. */
  warm(): void {
    this.#warm = true;
    for (let missing = this.#options.keep - this.#alive.size; missing > 0; missing--) this.#start();
  }

  /** A process for one visit. UNAVAILABLE STORES_BUSY when none has come free in time. */
  async take({ signal, deadline }: StoreLimits): Promise<StoreChild> {
    if (this.#closed) throw stopping();
    if (this.#abandoned.size >= MAX_ABANDONED) throw tooManyHang();
    const idle = this.#idle.pop();
    if (idle) return lend(idle);
    const { promise, resolve, reject } = Promise.withResolvers<StoreChild>();
    const waiting: Waiting = { take: resolve, refuse: reject };
    this.#waiting.push(waiting);
    this.#startWanted();
    const cancel = () => reject(signal.reason as Error);
    signal.addEventListener('abort', cancel, { once: true });
    const timer = setTimeout(
      () => reject(busy(this.#options.max)),
      Math.min(deadline.getTime() - Date.now(), MAX_WAIT_MS),
    );
    try {
      return lend(await promise);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      const at = this.#waiting.indexOf(waiting);
      if (at >= 0) this.#waiting.splice(at, 1);
    }
  }

  /** After a visit that has ended as it should. */
  giveBack(child: StoreChild): void {
    child.asks = {};
    child.hold(false);
    child.idleSince = performance.now();
    if (this.#closed || !this.#alive.has(child)) return;
    const next = this.#waiting.shift();
    if (next) next.take(child);
    else this.#idle.push(child);
  }

  /** Ends a process at once; false when it cannot die, and is abandoned. */
  async end(child: StoreChild): Promise<boolean> {
    const gone = await child.end();
    if (!gone && this.#alive.delete(child)) {
      this.#abandoned.add(child);
      void child.gone.then(() => this.#abandoned.delete(child));
      this.#startWanted();
    }
    return gone;
  }

  /** Ends every process, and refuses who waits. */
  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    for (const { refuse } of this.#waiting.splice(0)) refuse(stopping());
    await Promise.all([...this.#alive].map((child) => child.end()));
  }

  #startWanted(): void {
    const { max } = this.#options;
    while (this.#starting < MAX_STARTING && this.#starting < this.#waiting.length && this.#alive.size < max)
      this.#start();
  }

  #start(): void {
    this.#starting++;
    const child = new StoreChild(this.#options, () => {
      this.#starting--;
      this.giveBack(child);
      this.#startWanted();
    });
    this.#alive.add(child);
    void child.gone.then(() => {
      this.#alive.delete(child);
      const at = this.#idle.indexOf(child);
      if (at >= 0) this.#idle.splice(at, 1);
      if (this.#closed) return;
      if (child.ready) {
        if (this.#warm) this.warm();
      } else {
        this.#starting--;
        // One refusal for each that cannot be started: else it would be tried for ever.
        this.#waiting.shift()?.refuse(notStarted());
      }
      this.#startWanted();
    });
  }

  #endIdle(): void {
    const before = performance.now() - this.#options.idleMs;
    while (this.#idle.length > this.#options.keep && this.#idle[0]!.idleSince < before)
      void this.end(this.#idle.shift()!);
  }
}

function lend(child: StoreChild): StoreChild {
  child.hold(true);
  return child;
}

/** Whether nobody has asked the store, for want of a process that could. */
export const isNotAsked = (error: unknown): boolean =>
  error instanceof AppError && NOT_ASKED.some((reason) => reason === error.reason);

const NOT_ASKED = ['STORES_BUSY', 'STORES_STOPPED', 'STORE_PROCESS_NOT_STARTED', 'STORES_HANG'] as const;

const unavailable = (reason: (typeof NOT_ASKED)[number], message: string): AppError =>
  new AppError({ code: 'UNAVAILABLE', reason, message });

const busy = (max: number): AppError =>
  unavailable('STORES_BUSY', `All ${max} processes that work with stores are busy; try again later.`);
const stopping = (): AppError => unavailable('STORES_STOPPED', 'This process is stopping and opens no stores.');
const notStarted = (): AppError =>
  unavailable('STORE_PROCESS_NOT_STARTED', 'A process to work with the store could not be started.');
const tooManyHang = (): AppError =>
  unavailable('STORES_HANG', `${MAX_ABANDONED} processes hang in what stores are on, and cannot be ended.`);
