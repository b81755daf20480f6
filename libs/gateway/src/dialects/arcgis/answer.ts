import { AppError } from '@certferry/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { HttpError, toProblem } from '../../problem.ts';
import type { ErrorAnswer } from '../../shell/http-api.ts';

const REASONS = {
  400: 'INVALID_FIELD',
  404: 'NOT_FOUND',
  498: 'INVALID_TOKEN',
  499: 'TOKEN_REQUIRED',
  500: 'OPERATION_FAILED',
} as const;

/** An error that this product's clients know by its code. */
export class ArcgisError extends HttpError {
  readonly details: string[];

  constructor(code: keyof typeof REASONS, message: string, details: string[] = []) {
    super(code, REASONS[code], message);
    this.details = details;
  }
}

/** HTTP 200 with the error in the body: clients of this product read nothing of other statuses. A path that nothing answers is 404. */
export function toArcgisError(error: unknown, request: FastifyRequest): ErrorAnswer {
  const body = toErrorBody(error);
  const isNoRoute = error instanceof HttpError && error.reason === 'NO_SUCH_ROUTE';
  return isNoRoute
    ? { status: 404, body: JSON.stringify(body), type: JSON_TYPE }
    : { status: 200, ...write(request, body) };
}

/** Both shapes that clients read, in one body: the sharing API's `error` and the admin API's `status` and `messages`. */
function toErrorBody(error: unknown): object {
  const { code, message, details } = describe(error);
  const messages = [message, ...details];
  return { error: { code, message, details, messages }, status: 'error', messages, code };
}

function describe(error: unknown): { code: number; message: string; details: string[] } {
  if (error instanceof ArcgisError) return { code: error.status, message: error.message, details: error.details };
  const { status, detail } = toProblem(error, '');
  if (error instanceof AppError && error.code === 'UNAUTHENTICATED')
    return { code: 498, message: 'Invalid Token', details: [] };
  if (error instanceof AppError && error.code === 'PERMISSION_DENIED')
    return {
      code: 403,
      message: 'You do not have permissions to access this resource or perform this operation.',
      details: [detail],
    };
  return { code: [409, 413, 429].includes(status) ? 400 : status, message: detail, details: [] };
}

/** `f` of the query or the form: html by default. */
export type Format = 'html' | 'json' | 'pjson';

export function formatOf(request: FastifyRequest): Format {
  const asked = (request.query as Record<string, unknown>)['f'] ?? request.form?.fields.get('f');
  const format = typeof asked === 'string' ? asked.toLowerCase() : 'html';
  return format === 'json' || format === 'pjson' ? format : 'html';
}

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

const JSON_TYPE = 'application/json;charset=utf-8';

/** A value as `f` asks: compact JSON (scripts look for `"status":"success"`), indented JSON, or a small page. */
function write(request: FastifyRequest, value: object): { body: string; type: string } {
  const format = formatOf(request);
  if (format !== 'html')
    return { body: JSON.stringify(value, null, format === 'pjson' ? 2 : undefined), type: JSON_TYPE };
  const title = escapeHtml(request.url.split('?')[0]!);
  const text = escapeHtml(JSON.stringify(value, null, 2));
  const body = `<!DOCTYPE html>\n<html lang="en"><head><title>${title}</title></head><body><h1>${title}</h1><pre>${text}</pre></body></html>\n`;
  return { body, type: 'text/html; charset=utf-8' };
}

export async function answer(request: FastifyRequest, reply: FastifyReply, value: object): Promise<FastifyReply> {
  const { body, type } = write(request, value);
  return await reply.type(type).send(body);
}
