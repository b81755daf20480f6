import { AppError, ERROR_CODES, type ErrorCode } from '@certferry/core';
import { ClientError, ServerError, Status } from 'nice-grpc-common';
import { ErrorInfo, RichClientError, RichServerError } from 'nice-grpc-error-details';

const DOMAIN = 'certferry';

/** AppError as a status with google.rpc.ErrorInfo; everything else INTERNAL without its message. */
export function toStatus(error: AppError): RichServerError {
  const info = ErrorInfo.fromPartial({ reason: error.reason, domain: DOMAIN, metadata: error.details });
  return new RichServerError(Status[error.code], error.message, [info]);
}

const CODES = new Map<number, ErrorCode>(ERROR_CODES.map((code) => [Status[code], code]));

/** The AppError that the server threw, as far as the wire carries it; UNAVAILABLE and DEADLINE_EXCEEDED of the channel itself get a reason. */
export function fromStatus(error: unknown): AppError {
  // What the caller's own stream of requests threw.
  if (error instanceof AppError) return error;
  if (error instanceof Error && error.name === 'AbortError') return cancelled(error);
  if (!(error instanceof ClientError)) return internal(error);
  const code = CODES.get(error.code) ?? 'INTERNAL';
  const details = error instanceof RichClientError ? error.extra : [];
  const info = details.find((one): one is ErrorInfo => one.$type === ErrorInfo.$type);
  if (info?.domain === DOMAIN) {
    return new AppError({ code, reason: info.reason, message: error.details, details: info.metadata });
  }
  if (code === 'UNAVAILABLE') {
    return new AppError({
      code,
      reason: 'SERVICE_UNAVAILABLE',
      message: 'A service of Certferry does not answer.',
      cause: error,
    });
  }
  if (code === 'DEADLINE_EXCEEDED') return deadlineExceeded(error);
  if (code === 'RESOURCE_EXHAUSTED') {
    return new AppError({
      code,
      reason: 'MESSAGE_TOO_LARGE',
      message: 'The message is larger than the services accept.',
      cause: error,
    });
  }
  return internal(error);
}

/** DEADLINE_EXCEEDED: the caller's time is over. */
export function deadlineExceeded(cause?: unknown): AppError {
  const message = 'A service of Certferry took too long.';
  return new AppError({ code: 'DEADLINE_EXCEEDED', reason: 'DEADLINE_EXCEEDED', message, cause });
}

/** CANCELLED: the caller does not wait any longer. */
export function cancelled(cause?: unknown): AppError {
  return new AppError({ code: 'CANCELLED', reason: 'CANCELLED', message: 'The call was cancelled.', cause });
}

/** What a caller sees of an error that nobody foresaw; the cause is for the log. */
export function internal(cause: unknown): AppError {
  return new AppError({
    code: 'INTERNAL',
    reason: 'INTERNAL',
    message: 'Something went wrong inside Certferry; the log has the request id.',
    cause,
  });
}

/** What a handler's failure is called: a status that a library answers by itself keeps its code, the end of an aborted call is CANCELLED. */
export function answeredError(error: unknown, signal: AbortSignal): unknown {
  if (error instanceof AppError) return error;
  if (error instanceof ServerError) {
    const code = CODES.get(error.code) ?? 'INTERNAL';
    return new AppError({ code, reason: code, message: error.details, cause: error });
  }
  return signal.aborted ? cancelled(error) : error;
}

/** What crosses a border: the AppError without its cause, or INTERNAL. */
export function crossBorder(error: unknown): AppError {
  if (!(error instanceof AppError)) return internal(undefined);
  const { code, reason, message, details } = error;
  return new AppError({ code, reason, message, details });
}
