import { AppError } from '@certferry/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { toProblem } from '../../problem.ts';

/** An error that this product's clients know by its code: 499 token required, 498 invalid token, 400, 403, 404, 500. */
export class ArcgisError extends Error {
  readonly code: number;
  readonly details: string[];

  constructor(code: number, message: string, details: string[] = []) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** Both shapes that clients read, in one body: the sharing API's `error` and the admin API's `status` and `messages`. */
export function toErrorBody(error: unknown): object {
  const { code, message, details } = describe(error);
  const messages = [message, ...details];
  return { error: { code, message, details, messages }, status: 'error', messages, code };
}

function describe(error: unknown): { code: number; message: string; details: string[] } {
  if (error instanceof ArcgisError) return { code: error.code, message: error.message, details: error.details };
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

/** Sends a value as `f` asks: compact JSON (scripts look for `"status":"success"`), indented JSON, or a small page. */
export async function answer(request: FastifyRequest, reply: FastifyReply, value: object): Promise<FastifyReply> {
  const format = formatOf(request);
  if (format === 'html') {
    const title = escapeHtml(request.url.split('?')[0]!);
    const body = escapeHtml(JSON.stringify(value, null, 2));
    const page = `<!DOCTYPE html>\n<html lang="en"><head><title>${title}</title></head><body><h1>${title}</h1><pre>${body}</pre></body></html>\n`;
    return await reply.type('text/html; charset=utf-8').send(page);
  }
  const text = JSON.stringify(value, null, format === 'pjson' ? 2 : undefined);
  return await reply.type('application/json;charset=utf-8').send(text);
}
