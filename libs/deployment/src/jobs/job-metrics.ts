import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Job, TimelineEntry } from './job.ts';
import type { Jobs, Waiting } from './jobs.ts';

/** A look at what waits costs a query: two scrapes within this time have the same answer. */
const LOOK_EVERY_MS = 10_000;

/** What a scrape tells of jobs: those that have ended here, and those that wait anywhere. */
export class JobMetrics {
  readonly #ended: Counter<'kind' | 'status' | 'reason'>;
  readonly #seconds: Histogram<'kind' | 'status'>;
  readonly #look: () => Promise<Waiting>;
  #lookedAt = -Infinity;
  #waiting: Promise<Waiting> | undefined;

  /** `now` is the clock that says when jobs are due. */
  constructor(registry: Registry, jobs: Pick<Jobs, 'waiting'>, now: () => Promise<Date>) {
    this.#look = async () => await jobs.waiting(await now());
    const registers = [registry];
    this.#ended = new Counter({
      name: 'certferry_jobs_ended_total',
      help: 'Jobs that this process has ended, by the kind of their store, their status and the reason of their error.',
      labelNames: ['kind', 'status', 'reason'],
      registers,
    });
    this.#seconds = new Histogram({
      name: 'certferry_job_duration_seconds',
      help: 'From the first attempt at a job to its end, waiting between attempts included.',
      labelNames: ['kind', 'status'],
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30, 120, 600, 3600],
      registers,
    });
    const waiting = (name: string, help: string, value: (waiting: Waiting) => number) =>
      this.#gauge({ name, help, registers }, value);
    waiting('certferry_jobs_waiting', 'Jobs that are due and that nobody works at.', ({ due }) => due);
    waiting(
      'certferry_jobs_planned',
      'Jobs whose time, or whose next try, is still to come.',
      ({ planned }) => planned,
    );
    waiting(
      'certferry_jobs_oldest_waiting_seconds',
      'For how long the oldest job that waits has been due; 0 when none waits.',
      ({ oldestSeconds }) => oldestSeconds,
    );
  }

  /** Counts a job that has ended. */
  ended(job: Job): void {
    const { storeKind: kind = 'unknown', status, error } = job;
    this.#ended.inc({ kind, status, reason: error?.reason ?? '' });
    const seconds = secondsOf(job);
    if (seconds !== undefined) this.#seconds.observe({ kind, status }, seconds);
  }

  #gauge(gauge: { name: string; help: string; registers: Registry[] }, value: (waiting: Waiting) => number): void {
    const look = () => this.#now();
    new Gauge({
      ...gauge,
      async collect(): Promise<void> {
        this.set(value(await look()));
      },
    });
  }

  #now(): Promise<Waiting> {
    const since = performance.now() - this.#lookedAt;
    if (this.#waiting && since < LOOK_EVERY_MS) return this.#waiting;
    this.#lookedAt = performance.now();
    return (this.#waiting = this.#look());
  }
}

/** Since its first attempt, after it was last queued; undefined when there was none. */
export function secondsOf({ timeline, updatedAt }: Pick<Job, 'timeline' | 'updatedAt'>): number | undefined {
  const queued = timeline.findLastIndex(({ step }: TimelineEntry) => step === 'queued');
  const first = timeline.slice(queued + 1).find(({ step }) => step === 'leased');
  return first && (updatedAt.getTime() - first.at.getTime()) / 1000;
}
