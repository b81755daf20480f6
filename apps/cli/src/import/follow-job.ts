import { setTimeout as delay } from 'node:timers/promises';
import { eachItem, Problem, type Client, type Import } from '@certferry/rest';
import { collect } from '../collect.ts';
import { count } from '../output.ts';

const POLL_MS = 500;
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
    job = await api.getImport({ params });
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

function howFar({ status, done, total, itemsPerSecond, secondsLeft }: Import): string {
  if (status !== 'running') return status;
  const pace = itemsPerSecond ? `, ${count(Math.round(itemsPerSecond))}/s` : '';
  const left = secondsLeft === undefined ? '' : `, ${count(secondsLeft)} s left`;
  return `${count(done)} of ${count(total)}${pace}${left}`;
}
