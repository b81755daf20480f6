import { toProblem } from '../../problem.ts';
import { jsonAnswer, type ErrorAnswer } from '../../shell/http-api.ts';

/** Codes by status; what is wrong with an import itself is `invalid_input`. */
const CODES: Record<number, string> = {
  400: 'invalid_input',
  401: 'invalid_api_key',
  403: 'access_denied',
  404: 'resource_not_found',
  409: 'duplicate_error',
  429: 'too_many_requests',
  503: 'service_unavailable',
};

/** The plural form that its services answer. */
export function toDigicertError(error: unknown): ErrorAnswer {
  const { status: known, detail } = toProblem(error, '');
  const status = known === 413 || known === 415 ? 400 : known;
  return jsonAnswer(status, { errors: [{ code: CODES[status] ?? 'internal_error', message: detail }] });
}
