import { AppError } from '@certferry/core';
import { pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** Members that are secrets wherever they turn up. Serializers allow by list first; this is the second net. */
const SECRETS = [
  'password',
  'privateKey',
  'pkcs8',
  'apiKey',
  'authorization',
  'secret',
  'token',
  'content',
  'contentBase64',
];

/** JSON lines on stdout. Errors keep name, code, reason, message and stack; nothing else of a request is logged. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError },
    redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[secret]' },
  });
}

interface LoggedError {
  name: string;
  message: string;
  code?: string;
  reason?: string;
  stack?: string;
  cause?: LoggedError;
}

function serializeError(error: unknown): LoggedError {
  if (!(error instanceof Error)) return { name: typeof error, message: 'not an error' };
  const { name, message, stack, cause } = error;
  const known = error instanceof AppError ? { code: error.code, reason: error.reason } : { stack };
  return { name, message, ...known, ...(cause instanceof Error && { cause: serializeError(cause) }) };
}
