// A child of the sandbox: one task at a time over IPC, gone when its parent is.
import { AppError } from '@certferry/core';
import { OPERATIONS, type OperationName } from './operations.ts';

process.on('disconnect', () => process.exit(0));
process.on('message', ({ name, input }: { name: OperationName; input: never }) => {
  try {
    process.send!({ value: OPERATIONS[name](input) });
  } catch (error) {
    const known = error instanceof AppError;
    process.send!({
      error: known
        ? { code: error.code, reason: error.reason, message: error.message, details: error.details }
        : { stack: error instanceof Error ? error.stack : '' },
    });
  }
});
process.send!({ ready: true });
