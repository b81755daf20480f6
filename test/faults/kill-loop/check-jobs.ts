import { call, finalJob } from '../../running-system.ts';
import type { Scenario } from './scenario.ts';

interface LoopJob {
  id: string;
  status: string;
  storeId: string;
  alias: string;
  createdAt: string;
  timeline: { message: string }[];
  error?: { reason: string; message: string };
}

/** I1: every accepted job ends, and only as a job may that nobody has meddled with. Called after every round. */
export class JobChecks {
  readonly #scenario: Scenario;
  readonly #ended = new Set<string>();
  readonly #judged = new Set<string>();

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
  }

  async check(): Promise<void> {
    const { system, acknowledged, violate } = this.#scenario;
    for (const id of acknowledged.jobs) {
      if (this.#ended.has(id)) continue;
      if (!(await finalJob(system, id).catch(() => undefined))) violate('I1', `job ${id} did not end`);
      this.#ended.add(id);
    }
    await this.#untilNoneIsLeft();
    // Nobody else writes the stores, so that a job which finds them changed was overtaken by one of our own.
    for (const status of ['drifted', 'failed'])
      for (const { id, timeline } of await this.#unjudged(status))
        violate('I1', `job ${id} is ${status}: ${timeline.at(-1)!.message}`);
    for (const job of await this.#unjudged('cancelled')) await this.#checkOvertaken(job);
  }

  /** A job that was kept and whose answer the kill took away runs too: only then a store has to be as the last one says. */
  async #untilNoneIsLeft(): Promise<void> {
    const filter = encodeURIComponent('Status -eq "queued" OR Status -eq "running" OR Status -eq "retrying"');
    for (let tries = 0; tries < 300; tries++) {
      if ((await this.#list(`filter=${filter}&limit=1`)).length === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.#scenario.violate('I1', 'jobs did not end');
  }

  /** Nobody cancels here: a cancelled job says which later one for the same place has won. */
  async #checkOvertaken({ id, error, ...job }: LoopJob): Promise<void> {
    const { system, violate } = this.#scenario;
    if (error?.reason !== 'SUPERSEDED') return violate('I1', `job ${id} is cancelled: ${JSON.stringify(error)}`);
    const named = /[0-9a-f]{8}-[0-9a-f-]{27}/.exec(error.message)?.[0];
    const later = (await call(system, 'GET', `/v1/jobs/${named}`)).body as LoopJob;
    const won = later.status === 'succeeded' && later.storeId === job.storeId && later.alias === job.alias;
    if (!won || later.id <= id || later.createdAt < job.createdAt)
      violate('I1', `job ${id} was not overtaken by ${named}: ${JSON.stringify(later)}`);
  }

  /** Those that no round before has seen. */
  async #unjudged(status: string): Promise<LoopJob[]> {
    const found = (await this.#list(`status=${status}&limit=100`)).filter(({ id }) => !this.#judged.has(id));
    for (const { id } of found) this.#judged.add(id);
    return found;
  }

  async #list(query: string): Promise<LoopJob[]> {
    return (await call(this.#scenario.system, 'GET', `/v1/jobs?${query}`)).body['items'] as LoopJob[];
  }
}
