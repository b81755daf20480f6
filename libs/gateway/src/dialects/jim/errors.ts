import { AppError } from '@certferry/core';
import { HttpError, toProblem } from '../../problem.ts';
import { jsonAnswer, type ErrorAnswer } from '../../shell/http-api.ts';

/** What a file by reference that is not there is answered with: JIM's documentation says 400, its code 404. */
export const FILE_NOT_FOUND_STATUS: 400 | 404 = 400;

/** Names of fields as JIM's own API writes them -> what is wrong with them. */
export type ValidationErrors = Record<string, string[]>;

/** A request that breaks the rules of its fields; 400 VALIDATION_ERROR. */
export class JimValidationError extends HttpError {
  readonly errors: ValidationErrors;

  constructor(errors: ValidationErrors) {
    super(400, 'VALIDATION_ERROR', 'One or more fields are not valid.');
    this.errors = errors;
  }
}

export interface JimError {
  code: string;
  message: string;
  details: string | null;
  validationErrors: ValidationErrors | null;
  timestamp: string;
  /** Only of 401: what JIM's code answers there, beside what its documentation says. */
  error?: string;
}

const CODES: Record<number, string> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHORISED',
  403: 'FORBIDDEN',
  404: 'NOT_FOUND',
  413: 'VALIDATION_ERROR',
  415: 'VALIDATION_ERROR',
  429: 'TOO_MANY_REQUESTS',
  502: 'BAD_GATEWAY',
  503: 'SERVICE_UNAVAILABLE',
};

/** Reasons that JIM answers with 400 VALIDATION_ERROR, and the field that they speak of. */
const FIELD_OF_REASON: Record<string, string> = {
  FILE_NOT_FOUND: 'filePath',
  NO_FILES_ROOT: 'filePath',
  UNKNOWN_FORMAT: 'certificate',
  FORMAT_NOT_ACCEPTED: 'certificate',
  MALFORMED: 'certificate',
  TRUNCATED: 'certificate',
  EMPTY: 'certificate',
  NOTHING_TO_IMPORT: 'certificate',
  PASSWORD_REQUIRED: 'certificate',
  LIMIT_EXCEEDED: 'certificate',
  INVALID_JSON: 'body',
};

/** Status and body of an error; what is not ours says nothing of itself. */
export function toJimError(error: unknown, now: Date): ErrorAnswer {
  const answer = (status: number, message: string, more: Partial<JimError> = {}) => {
    const code = CODES[status] ?? 'INTERNAL_ERROR';
    const timestamp = now.toISOString();
    const body: JimError = { code, message, details: null, validationErrors: null, timestamp, ...more };
    return jsonAnswer(status, body);
  };
  const validation = (message: string, errors: ValidationErrors, status = 400) =>
    answer(status, message, { code: status === 404 ? 'NOT_FOUND' : 'VALIDATION_ERROR', validationErrors: errors });
  if (error instanceof JimValidationError) return validation(error.message, error.errors);
  if (error instanceof AppError) {
    const field = FIELD_OF_REASON[error.reason];
    if (field === 'filePath') return validation(error.message, { filePath: [error.message] }, FILE_NOT_FOUND_STATUS);
    if (field) return validation(error.message, { [field]: [error.message] });
    if (error.reason === 'CERTIFICATE_EXISTS') return answer(400, error.message);
  }
  const { status, detail } = toProblem(error, '');
  if (status === 401) return answer(401, 'Authentication required', { error: 'Unauthorized' });
  if (status === 413 || status === 415) return validation(detail, { body: [detail] });
  return answer(status, detail);
}
