/** The canonical gRPC status names that a caller can be answered with (google.rpc.Code). */
export const ERROR_CODES = [
  'INVALID_ARGUMENT',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'UNAUTHENTICATED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'UNIMPLEMENTED',
  'DEADLINE_EXCEEDED',
  'CANCELLED',
  'UNAVAILABLE',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface AppErrorOptions {
  code: ErrorCode;
  /** Stable UPPER_SNAKE name of the cause, for programs. */
  reason: string;
  /** A sentence for people: what, where, which limit. Never a secret. */
  message: string;
  /** Values behind the sentence, for programs. Never a secret. */
  details?: Record<string, string>;
  cause?: unknown;
}

/** The only error that crosses a service's border. Whatever else is thrown is INTERNAL to the caller. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly reason: string;
  readonly details: Record<string, string>;

  constructor(options: AppErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = options.code;
    this.reason = options.reason;
    this.details = options.details ?? {};
  }
}

/** Throws where an expression is wanted: `found ?? raise(notFound('job', id))`. */
export function raise(error: Error): never {
  throw error;
}

/** INVALID_ARGUMENT: the request can never succeed as it is. */
export function invalid(reason: string, message: string, details?: Record<string, string>): AppError {
  return new AppError({ code: 'INVALID_ARGUMENT', reason, message, details });
}

/** NOT_FOUND, in one wording for all kinds of things: `no certificate "x"`. */
export function notFound(kind: string, id: string): AppError {
  const reason = `${kind.toUpperCase().replaceAll(' ', '_')}_NOT_FOUND`;
  return new AppError({ code: 'NOT_FOUND', reason, message: `There is no ${kind} "${id}".`, details: { id } });
}

/** FAILED_PRECONDITION: right in itself, but not in the present state. */
export function precondition(reason: string, message: string, details?: Record<string, string>): AppError {
  return new AppError({ code: 'FAILED_PRECONDITION', reason, message, details });
}

/** RESOURCE_EXHAUSTED with the limit's name and value. */
export function limitExceeded(limit: string, value: string | number, message: string): AppError {
  return new AppError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'LIMIT_EXCEEDED',
    message,
    details: { limit, value: String(value) },
  });
}
