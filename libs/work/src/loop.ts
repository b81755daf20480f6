import { AsyncLocalStorage } from 'node:async_hooks';
import { backoff } from './backoff.ts';

export interface LoopOptions {
  /**
   * One round. Answers in how many milliseconds it wants the next: 0 is at once, nothing (and whatever is longer) is
   * after the interval. `stopping` is aborted when the loop is to stop and waits for this round.
   */
  round: (stopping: AbortSignal) => Promise<number | void>;
  /** Hears of every round that failed; the loop goes on after a back-off. */
  onError: (error: unknown) => void;
  /** How often it looks when nobody kicks it. Default: a second. */
  intervalMs?: number;
  /** The longest wait after rounds that failed; the first is about the interval. Default: 10 seconds. */
  maxBackoffMs?: number;
}

/**
 * Runs rounds one after another: when it is kicked, when a round asks for the next, and at its interval. Never two at
 * once; a kick during a round is another round after it; a kick during a back-off does not shorten it, or a caller who
 * kicks with every request would hammer what is down. Rounds run in the async context in which the loop was made, not
 * in the one of who kicks, whose call context must not leak into work for others.
 */
export class Loop {
  readonly #options: Required<LoopOptions>;
  readonly #inOwnContext = AsyncLocalStorage.snapshot();
  #stopping: AbortController | undefined;
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #kicked = false;
  #failures = 0;

  constructor(options: LoopOptions) {
    this.#options = { intervalMs: 1_000, maxBackoffMs: 10_000, ...options };
  }

  /** Runs the first round now. Until then, kicks do nothing. */
  start(): void {
    if (this.#stopping) return;
    this.#stopping = new AbortController();
    this.#run(this.#stopping.signal);
  }

  /** Asks for a round now, or after the one that runs. */
  kick = (): void => {
    if (!this.#stopping || this.#stopping.signal.aborted) return;
    if (this.#running) this.#kicked = true;
    else if (this.#failures === 0) this.#run(this.#stopping.signal);
  };

  /** Runs no more rounds and waits for the one that runs. */
  async stop(): Promise<void> {
    this.#stopping?.abort();
    clearTimeout(this.#timer);
    await this.#running;
    this.#stopping = undefined;
  }

  #run(stopping: AbortSignal): void {
    clearTimeout(this.#timer);
    this.#running = this.#inOwnContext(async () => {
      const wait = await this.#round(stopping);
      this.#running = undefined;
      // By a timer even when at once: rounds over the embedded database are microtasks only, and would let nothing else run.
      if (!stopping.aborted) this.#timer = setTimeout(() => this.#run(stopping), wait);
    });
  }

  /** Milliseconds until the next round. */
  async #round(stopping: AbortSignal): Promise<number> {
    const { round, onError, intervalMs, maxBackoffMs } = this.#options;
    this.#kicked = false;
    try {
      const wait = (await round(stopping)) ?? intervalMs;
      this.#failures = 0;
      return this.#kicked ? 0 : Math.min(wait, intervalMs);
    } catch (error) {
      onError(error);
      return backoff(++this.#failures, { baseMs: intervalMs, maxMs: maxBackoffMs });
    }
  }
}
