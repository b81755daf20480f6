import { EventEmitter, once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** Who waits for a job of this process hears of its next step at once. */
export class JobWatch {
  readonly #steps = new EventEmitter().setMaxListeners(0);
  readonly #cancels = new EventEmitter().setMaxListeners(0);

  changed(id: string): void {
    this.#steps.emit(id);
  }

  cancelled(id: string): void {
    this.#cancels.emit(id);
  }

  /** Calls `stop` when a job is cancelled here while it runs; answers what ends that. */
  onCancel(id: string, stop: () => void): () => void {
    this.#cancels.once(id, stop);
    return () => void this.#cancels.off(id, stop);
  }

  /** Until the next step of a job here, or the time is up, or `signal` is aborted; throws for none of them. */
  async nextStep(id: string, milliseconds: number, signal: AbortSignal): Promise<void> {
    const settled = new AbortController();
    const stop = AbortSignal.any([signal, settled.signal]);
    const ends = [once(this.#steps, id, { signal: stop }), delay(milliseconds, undefined, { signal: stop })];
    await Promise.race(ends.map((end: Promise<unknown>) => end.catch(() => undefined)));
    settled.abort();
  }
}
