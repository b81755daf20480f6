import { AppError, invalid, type ErrorCode } from '@certferry/core';
import type { ProblemDetails } from '@certferry/rest';
import type { FastifyError, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ErrorAnswer } from './shell/http-api.ts';

/** The one mapping of our errors to HTTP. */
export const HTTP_STATUS: Record<ErrorCode, number> = {
  INVALID_ARGUMENT: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  FAILED_PRECONDITION: 409,
  ABORTED: 409,
  RESOURCE_EXHAUSTED: 413,
  CANCELLED: 499,
  INTERNAL: 500,
  UNIMPLEMENTED: 501,
  UNAVAILABLE: 503,
  DEADLINE_EXCEEDED: 504,
};

/** An error of HTTP itself that has no gRPC name: 415, 422, 429. */
export class HttpError extends Error {
  readonly status: number;
  readonly reason: string;

  constructor(status: number, reason: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/** What is asked for under a path that nothing answers. */
export const noSuchRoute = ({ method, url }: { method: string; url: string }): HttpError =>
  new HttpError(404, 'NO_SUCH_ROUTE', `There is no ${method} ${url.split('?')[0]}.`);

const TITLES: Record<number, string> = {
  400: 'Bad request',
  401: 'Not authenticated',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Cannot be processed',
  429: 'Too many requests',
  501: 'Not supported',
  503: 'Not available now',
  504: 'Took too long',
};

/** What a caller sees of an error; only AppErrors and HTTP's own say more than INTERNAL. */
export function toProblem(error: unknown, requestId: string): ProblemDetails {
  const { status, reason, detail, details } = describe(error);
  return {
    type: `urn:certferry:problem:${reason}`,
    title: TITLES[status] ?? 'Error',
    status,
    detail,
    reason,
    requestId,
    ...(details && Object.keys(details).length > 0 && { details }),
  };
}

/** An error as our own API answers it. */
export function problemAnswer(error: unknown, request: FastifyRequest): ErrorAnswer {
  const problem = toProblem(error, request.id);
  return {
    status: problem.status,
    body: JSON.stringify(problem),
    type: 'application/problem+json',
    ...(problem.status === 401 && { headers: { 'www-authenticate': 'Bearer' } }),
  };
}

function describe(error: unknown): {
  status: number;
  reason: string;
  detail: string;
  details?: Record<string, string>;
} {
  if (error instanceof AppError)
    return { status: HTTP_STATUS[error.code], reason: error.reason, detail: error.message, details: error.details };
  if (error instanceof HttpError) return { status: error.status, reason: error.reason, detail: error.message };
  const { statusCode, code, validation, message } = error as FastifyError;
  if (validation) return { status: 400, reason: 'INVALID_FIELD', detail: describeValidation(error as FastifyError) };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return {
      status: code === 'FST_INVALID_JSON_FIELD_ERROR' ? 400 : statusCode,
      reason: FRAMEWORK_REASONS[code] ?? 'BAD_REQUEST',
      detail: FRAMEWORK_DETAILS[code] ?? message,
    };
  }
  return {
    status: 500,
    reason: 'INTERNAL',
    detail: 'Something went wrong inside Certferry; the log has the request id.',
  };
}

const FRAMEWORK_REASONS: Record<string, string> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'LIMIT_EXCEEDED',
  FST_REQ_FILE_TOO_LARGE: 'LIMIT_EXCEEDED',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  FST_ERR_CTP_INVALID_JSON_BODY: 'INVALID_JSON',
  FST_INVALID_JSON_FIELD_ERROR: 'INVALID_FIELD',
};

const FRAMEWORK_DETAILS: Record<string, string> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'The request body is larger than 15 MiB, the limit.',
  FST_REQ_FILE_TOO_LARGE: 'The file is larger than 10485760 bytes, the limit of a single upload.',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'This call does not take this Content-Type.',
  FST_ERR_CTP_INVALID_JSON_BODY: 'The body is not valid JSON.',
};

/** A value by its schema. INVALID_ARGUMENT INVALID_FIELD names field and rule, never the value. */
export function checkInput<T>(schema: z.ZodType<T>, value: unknown, where = 'body'): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || where}: ${issue.message}`);
  throw invalid('INVALID_FIELD', `The ${where} has problems: ${problems.join('; ')}.`);
}

/** Field and rule, never the value. */
function describeValidation(error: FastifyError): string {
  const where =
    { body: 'body', querystring: 'query', params: 'path', headers: 'header' }[error.validationContext as string] ??
    'request';
  const issues = (error.validation ?? []).map(
    (issue) => `${issue.instancePath.replace(/^\//, '').replaceAll('/', '.') || where}: ${issue.message}`,
  );
  return `The ${where} has problems: ${issues.join('; ')}.`;
}
