import { flushCompileCache } from 'node:module';
import { AppError } from '@certferry/core';
import { OPERATIONS, type OperationName } from './operations.ts';

// A child of the sandbox: one task at a time over IPC, gone when its parent is.

/** What a task may leave behind before it is cleared away: the limit on memory is for the next one alone. */
const MAX_LEFT_BYTES = 128 * 2 ** 20;

const collectAll = (globalThis as { gc?: NodeJS.GCFunction }).gc;

function clearAway(): void {
  if (process.memoryUsage.rss() > MAX_LEFT_BYTES)
    collectAll?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}

async function answer({ name, input }: { name: OperationName; input: never }): Promise<void> {
  try {
    process.send!({ value: await OPERATIONS[name](input) });
  } catch (error) {
    const known = error instanceof AppError;
    process.send!({
      error: known
        ? { code: error.code, reason: error.reason, message: error.message, details: error.details }
        : { stack: error instanceof Error ? error.stack : '' },
    });
  }
  setImmediate(clearAway);
}

process.on('disconnect', () => process.exit(0));
process.on('message', (task: { name: OperationName; input: never }) => void answer(task));
process.send!({ ready: true });
// Else it is written at the end, which is a kill.
flushCompileCache();
