import { serveParent } from '@certferry/runtime/child';
import { OPERATIONS } from './operations.ts';

// A child of the sandbox: one task at a time.

/** What a task may leave behind before it is cleared away: the limit on memory is for the next one alone. */
const MAX_LEFT_BYTES = 128 * 2 ** 20;

const collectAll = (globalThis as { gc?: NodeJS.GCFunction }).gc;

function clearAway(): void {
  if (process.memoryUsage.rss() > MAX_LEFT_BYTES)
    collectAll?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

serveParent({ ...OPERATIONS, clearAway });
