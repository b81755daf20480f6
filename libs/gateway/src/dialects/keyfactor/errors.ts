import { toProblem } from '../../problem.ts';
import { jsonAnswer, type ErrorAnswer } from '../../shell/http-api.ts';

/** Keyfactor's code of an error, by our status. Only 0xA011000F and 0xA0110002 are publicly known; the form is. */
const ERROR_CODES: Record<number, string> = {
  400: '0xA011000F',
  401: '0xA0110004',
  403: '0xA0110005',
  404: '0xA0110008',
  413: '0xA0110010',
  415: '0xA0110002',
  429: '0xA0110011',
};
const INTERNAL_CODE = '0xA0110001';

/** A conflict is a bad request there. */
export function toKeyfactorError(error: unknown): ErrorAnswer {
  const { status: known, detail } = toProblem(error, '');
  const status = known === 409 ? 400 : known;
  const body = { ErrorCode: ERROR_CODES[status] ?? INTERNAL_CODE, Message: detail };
  return jsonAnswer(status, body, status === 401 ? { 'www-authenticate': 'Basic realm="Certferry"' } : undefined);
}
