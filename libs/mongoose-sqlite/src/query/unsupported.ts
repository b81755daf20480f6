import { AppError } from '@certferry/core';

/** UNIMPLEMENTED UNSUPPORTED_OPERATOR, with the name of what was asked for. */
export function unsupported(what: string): AppError {
  return new AppError({
    code: 'UNIMPLEMENTED',
    reason: 'UNSUPPORTED_OPERATOR',
    message: `The embedded database does not support ${what}.`,
    details: { operator: what },
  });
}
