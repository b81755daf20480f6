import { Loop } from '@certferry/work';
import type { DeploymentContext } from '../deployment-context.ts';
import { keptContent } from './keep-content.ts';

const PAGE = 200;
const INTERVAL_MS = 600_000;

/** Keeps of every store what its jobs say, where nothing is kept of it: stores from before, and whatever was lost. */
export function createContentRebuilder(context: DeploymentContext): Loop {
  const { stores, contents, logger } = context;
  return new Loop({
    round: async (stopping) => {
      for (let after = ''; !stopping.aborted;) {
        const ids = await stores.idsAfter(after, PAGE);
        for (const id of await contents.missing(ids)) await keptContent(context, id);
        if (ids.length < PAGE) return;
        after = ids.at(-1)!;
      }
    },
    intervalMs: INTERVAL_MS,
    onError: (error) => logger.warn({ err: error }, 'cannot work out what stores hold'),
  });
}
