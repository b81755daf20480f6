import { AppError, type AppErrorOptions } from '@certferry/core';

/** An error as it crosses between processes. */
export type PlainError = AppErrorOptions | { stack: string };

/** Of an AppError all but its cause; of anything else where it was thrown. */
export function toPlainError(error: unknown): PlainError {
  if (!(error instanceof AppError)) return { stack: error instanceof Error ? (error.stack ?? error.message) : '' };
  const { code, reason, message, details } = error;
  return { code, reason, message, details };
}

export function fromPlainError(error: PlainError): Error {
  if ('code' in error) return new AppError(error);
  const unforeseen = new Error('The operation failed in a child process');
  unforeseen.stack = error.stack;
  return unforeseen;
}
