import type { z } from 'zod';

/** An answer without a body. */
export const NOTHING = { kind: 'nothing' } as const;

/** An answer that is a file, of one of these content types. */
export interface FileAnswer {
  kind: 'file';
  contentTypes: readonly string[];
}

/** An answer that goes on: server-sent events whose data is JSON of this schema. */
export interface StreamAnswer {
  kind: 'stream';
  event: z.ZodType;
}

/** JSON of a schema, or one of the others. */
export type Answer = z.ZodType | typeof NOTHING | FileAnswer | StreamAnswer;

/** A multipart/form-data body: the part `file`, and these fields; those that are not texts are sent as JSON. */
export interface Upload {
  file: string;
  fields?: z.ZodObject;
  /** What is taken as application/json instead. */
  json?: z.ZodType;
}

/** What a call is, as data: the gateway's routes, the OpenAPI document and the client are made from it. Its id is its key. */
export interface Operation {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** "/v1/jobs/{id}". */
  path: `/v1/${string}`;
  tag: string;
  summary: string;
  description?: string;
  params?: z.ZodObject;
  /** Every one is optional. */
  query?: z.ZodObject;
  /** Names of request headers and what they say; the others are the same everywhere. */
  headers?: Record<string, string>;
  body?: z.ZodType;
  upload?: Upload;
  /** Takes an Idempotency-Key: the same call again within 24 hours is answered as the first. */
  idempotent?: boolean;
  /** By status. */
  answers: { readonly [status: number]: Answer };
  /** By status: the same answer as a file, for who accepts one of its content types. */
  files?: { readonly [status: number]: FileAnswer };
  /** Error statuses besides those that every such call can answer. */
  errors?: readonly number[];
}

/** By operationId. */
export type Operations = Record<string, Operation>;

/** Every status that can be answered with a problem, in order. */
export function errorStatuses({ method, params, query, body, upload, idempotent, errors = [] }: Operation): number[] {
  const found = new Set([401, 403, 429, 500, 503, 504, ...errors]);
  if (params || query || body || upload || idempotent) found.add(400);
  if (method !== 'GET') for (const status of [400, 413, 415]) found.add(status);
  if (idempotent) for (const status of [409, 422]) found.add(status);
  return [...found].toSorted((a, b) => a - b);
}
