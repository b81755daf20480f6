import { HttpError } from '../problem.ts';

/** Wrong keys from one address, within a minute. Right keys are never refused. */
export class FailureLimit {
  readonly #most: number;
  #minute = 0;
  #counts = new Map<string, number>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Counts a wrong key; HttpError 429 when there were too many. */
  count(address: string): void {
    const minute = Math.floor(Date.now() / 60_000);
    if (minute !== this.#minute) {
      this.#minute = minute;
      this.#counts = new Map();
    }
    const count = (this.#counts.get(address) ?? 0) + 1;
    this.#counts.set(address, count);
    if (count > this.#most) {
      throw new HttpError(
        429,
        'RATE_LIMITED',
        `More than ${this.#most} wrong API keys came from this address in a minute; wait a minute.`,
      );
    }
  }
}
