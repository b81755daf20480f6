import { setTimeout as delay } from 'node:timers/promises';
import { ConnectionError, eachItem, Problem, type Client, type Import } from '@certferry/rest';
import { collect } from '../collect.ts';
import { count } from '../output.ts';

const POLL_MS = 500;
/** A server that is restarted goes on with the job: it is waited for. */
const RESTART_MS = 60_000;
/** Of a larger import only the items that failed are fetched. */
const MAX_ITEMS = 10_000;

/** Whether it goes on after its answer. */
export const isActive = ({ status }: Import): boolean => ['queued', 'running', 'paused'].includes(status);

/** Waits for the end of an import that goes on after its answer, tells how far it is, and fetches its items. Problem when it could not be read. */
export async function followJob(api: Client, started: Import, tell: (text: string) => void): Promise<Import> {
  const params = { id: started.id };
  let job = started;
  while (isActive(job)) {
    tell(howFar(job));
    await delay(POLL_MS);
    job = await patiently(() => api.getImport({ params }), tell);
  }
  if (job.problem && job.done === 0) {
    const { reason, message } = job.problem;
    throw new Problem({ status: 400, reason, detail: message, requestId: job.requestId ?? '' });
  }
  const result = job.total > MAX_ITEMS ? ('failed' as const) : undefined;
  const list = ({ query = {} }: { query?: { limit?: number; cursor?: string } }) =>
    api.listImportItems({ params, query: { ...query, result } });
  const items = await collect(eachItem(list, {}));
  return { ...job, items };
}

async function patiently<T>(ask: () => Promise<T>, tell: (text: string) => void): Promise<T> {
  const until = performance.now() + RESTART_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ConnectionError) || performance.now() > until) throw error;
      tell('the server does not answer; its job goes on when it is back');
      await delay(POLL_MS);
    }
  }
}

function howFar({ status, done, total, itemsPerSecond, secondsLeft }: Import): string {
  if (status !== 'running') return status;
  const pace = itemsPerSecond ? `, ${count(Math.round(itemsPerSecond))}/s` : '';
  const left = secondsLeft === undefined ? '' : `, ${count(secondsLeft)} s left`;
  return `${count(done)} of ${count(total)}${pace}${left}`;
}
