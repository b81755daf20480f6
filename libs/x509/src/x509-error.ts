import { AppError } from '@certferry/core';

/** The only error that this lib throws, whatever the input. */
export class X509Error extends AppError {}

/** The bytes are not what their format says. `offset` counts from the start of the structure being read. */
export function malformed(what: string, offset?: number): X509Error {
  const where = offset === undefined ? '' : ` at byte ${offset}`;
  return new X509Error({ code: 'INVALID_ARGUMENT', reason: 'MALFORMED', message: `Malformed ${what}${where}.` });
}

/** Whether what was thrown says that one value cannot be read, and not that a limit was met. */
export const isOfOneField = (error: unknown): error is X509Error =>
  error instanceof X509Error && error.reason !== 'LIMIT_EXCEEDED';

export function truncated(what: string, offset: number): X509Error {
  return new X509Error({
    code: 'INVALID_ARGUMENT',
    reason: 'TRUNCATED',
    message: `The ${what} ends early, at byte ${offset}.`,
    details: { offset: String(offset) },
  });
}

export function unsupportedAlgorithm(what: string, algorithm: string): X509Error {
  return new X509Error({
    code: 'INVALID_ARGUMENT',
    reason: 'UNSUPPORTED_ALGORITHM',
    message: `The ${what} uses ${algorithm}, which is not supported.`,
    details: { algorithm },
  });
}

export function wrongPassword(what: string): X509Error {
  return new X509Error({
    code: 'INVALID_ARGUMENT',
    reason: 'WRONG_PASSWORD',
    message: `The password does not open the ${what}.`,
  });
}

export function passwordRequired(what: string): X509Error {
  return new X509Error({
    code: 'INVALID_ARGUMENT',
    reason: 'PASSWORD_REQUIRED',
    message: `The ${what} is encrypted: send its password.`,
  });
}

export function overLimit(limit: string, value: number, found: string): X509Error {
  return new X509Error({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'LIMIT_EXCEEDED',
    message: `${found}; the limit (${limit}) is ${value}.`,
    details: { limit, value: String(value) },
  });
}

/**
 * What `read` answers, or undefined where the bytes are not what it reads: for looking at what something is. An error that
 * nobody sees has no stack: that is nine tenths of what it costs, and a file may have thousands of values.
 */
export function ifReadable<T>(read: () => T): T | undefined {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return read();
  } catch (error) {
    if (error instanceof X509Error) return undefined;
    throw error;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Runs `read`; what node:crypto throws on bad bytes becomes a malformed `what`. */
export function guard<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof X509Error) throw error;
    throw malformed(what);
  }
}
