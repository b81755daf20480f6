import type { Clock } from '@certferry/core';
import { Gauge, type Registry } from 'prom-client';
import type { Certificates } from './certificates.ts';

const DAY_MS = 86_400_000;
/** Ends of the buckets, in days from now; what is later than the last is in one of its own. */
const ENDS = [0, 7, 30, 60, 90];
const LABELS = ['expired', '0-7', '7-30', '30-60', '60-90', '90+'];
/** Counting reads every certificate that ends soon: at most a fiftieth of the time, and not for every scrape. */
const LEAST_MS = 60_000;
const REST = 50;

/** How many certificates of the inventory end when, counted again at a scrape when the last count is old. */
export class ExpiryMetrics {
  readonly #certificates: Pick<Certificates, 'countEnding' | 'count'>;
  readonly #clock: Clock;
  #counts: number[] | undefined;
  #counting: Promise<void> | undefined;
  #nextAt = -Infinity;

  constructor(registry: Registry, certificates: Pick<Certificates, 'countEnding' | 'count'>, clock: Clock) {
    this.#certificates = certificates;
    this.#clock = clock;
    const counted = () => this.#counted();
    new Gauge({
      name: 'certferry_certificates',
      help: 'Certificates of the inventory by days until they expire.',
      labelNames: ['days'],
      registers: [registry],
      async collect(): Promise<void> {
        const counts = await counted();
        for (const [i, days] of LABELS.entries()) this.set({ days }, counts[i]!);
      },
    });
  }

  /** The last counts; only the first scrape waits for them. */
  async #counted(): Promise<number[]> {
    if (!this.#counting && performance.now() >= this.#nextAt)
      this.#counting = this.#count().finally(() => (this.#counting = undefined));
    if (this.#counts) {
      this.#counting?.catch(() => undefined);
      return this.#counts;
    }
    await this.#counting;
    return this.#counts!;
  }

  async #count(): Promise<void> {
    const began = performance.now();
    const now = this.#clock.now().getTime();
    const bounds = [new Date(0), ...ENDS.map((days) => new Date(now + days * DAY_MS))];
    const counts: number[] = [];
    for (const [i, end] of bounds.slice(1).entries())
      counts.push(await this.#certificates.countEnding(bounds[i]!, end));
    const known = counts.reduce((sum, one) => sum + one, 0);
    // A certificate may come or go meanwhile.
    this.#counts = [...counts, Math.max((await this.#certificates.count()) - known, 0)];
    const ended = performance.now();
    this.#nextAt = ended + Math.max(LEAST_MS, REST * (ended - began));
  }
}
