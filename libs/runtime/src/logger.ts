import { AppError } from '@certferry/core';
import { currentCallContext } from '@certferry/rpc';
import { pino, type DestinationStream, type Logger, type LoggerOptions } from 'pino';

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

/** JSON lines on stdout; what is written within a call has its request id and caller. Errors keep name, code, reason, message and stack; nothing else of a request is logged. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: undefined,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: serializeError },
    mixin: () => {
      const context = currentCallContext();
      return context ? { requestId: context.requestId, caller: context.principal.id } : {};
    },
    redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[secret]' },
  };
  return destination ? pino(options, destination) : pino(options);
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
