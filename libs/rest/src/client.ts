import { z } from 'zod';
import { readEventStream } from './event-stream.ts';
import type { Event } from './events.ts';
import type { FileAnswer, Operation, StreamAnswer, Upload } from './operation.ts';
import { toMultipartForm } from './multipart-form.ts';
import { OPERATIONS } from './operations.ts';
import { Problem, problemDetails } from './problem.ts';

export interface ClientOptions {
  /** Of the server: "https://certferry.example.com". */
  baseUrl: string;
  /** Asked for at every call when it is a function. */
  apiKey: string | (() => string);
  fetch?: typeof fetch;
}

/** A file that was downloaded. */
export interface Download {
  bytes: Uint8Array<ArrayBuffer>;
  fileName: string;
  contentType: string;
}

/** The server was not reached, or the connection broke; `cause` says why. */
export class ConnectionError extends Error {
  /** Base URL of the server. */
  readonly url: string;

  constructor(url: string, cause: unknown) {
    super(`There is no answer from ${url}.`, { cause });
    this.name = 'ConnectionError';
    this.url = url;
  }
}

interface CallOptions {
  /** More request headers, such as "idempotency-key". */
  headers?: Record<string, string>;
  signal?: AbortSignal;
  /** Of a form: how many bytes of it are on their way, and of how many. Not in browsers, which cannot send a stream over HTTP/1. */
  onUpload?: (sent: number, total: number) => void;
}

type Member<O, K extends string> = O extends { [M in K]: infer S extends z.ZodType } ? S : undefined;
type UploadInput<U extends Upload> =
  | {
      /** Several files are one container. */
      form: { file: Blob | Blob[] } & (Member<U, 'fields'> extends infer F extends z.ZodType ? z.input<F> : unknown);
      body?: undefined;
    }
  | (U extends { json: infer J extends z.ZodType } ? { body: z.input<J>; form?: undefined } : never);

/** What is handed to a call: params, query, body or form, as the operation has them. */
export type InputOf<O extends Operation> = CallOptions &
  (Member<O, 'params'> extends infer P extends z.ZodType ? { params: z.input<P> } : unknown) &
  (Member<O, 'query'> extends infer Q extends z.ZodType ? { query?: Partial<z.output<Q>> } : unknown) &
  (Member<O, 'body'> extends infer B extends z.ZodType ? { body: z.input<B> } : unknown) &
  (O extends { upload: infer U extends Upload } ? UploadInput<U> : unknown);

type ValueOf<A> = A extends z.ZodType
  ? z.output<A>
  : A extends FileAnswer
    ? Download
    : A extends StreamAnswer
      ? AsyncGenerator<Event>
      : undefined;

/** What a call resolves to: the union over its statuses. */
export type AnswerOf<O extends Operation> = ValueOf<O['answers'][keyof O['answers']]>;

type Call<O extends Operation> = (
  ...input: object extends InputOf<O> ? [input?: InputOf<O>] : [input: InputOf<O>]
) => Promise<AnswerOf<O>>;

/** A method an operation, by its operationId. Each rejects with Problem or ConnectionError, or as its signal says. */
export type Client = { readonly [Id in keyof typeof OPERATIONS]: Call<(typeof OPERATIONS)[Id]> };

/** A client of the public API. Answers are what the server's schemas let through; they are not checked again here. */
export function createClient(options: ClientOptions): Client {
  const calls = Object.entries(OPERATIONS).map(([id, operation]) => [
    id,
    (input: AnyInput = {}) => perform(options, operation, input),
  ]);
  // The type is computed from the same operations; a loop over them cannot be typed by member.
  return Object.fromEntries(calls) as Client;
}

interface AnyInput extends CallOptions {
  params?: Record<string, string>;
  query?: Record<string, string | number | boolean | undefined>;
  body?: unknown;
  form?: { file: Blob | Blob[] } & Record<string, unknown>;
}

async function perform(options: ClientOptions, operation: Operation, input: AnyInput): Promise<unknown> {
  const { apiKey } = options;
  const headers: Record<string, string> = { 'x-api-key': typeof apiKey === 'string' ? apiKey : apiKey() };
  let body: string | Blob | ReadableStream | undefined;
  if (input.form) {
    const form = toMultipartForm(input.form);
    headers['content-type'] = form.type;
    if (input.onUpload) headers['content-length'] = String(form.size);
    body = input.onUpload ? counted(form, input.onUpload) : form;
  } else if (input.body !== undefined) {
    headers['content-type'] = 'application/json';
    body = JSON.stringify(input.body);
  }
  const { method } = operation;
  const { signal } = input;
  let response: Response;
  try {
    const init = { method, body, signal, duplex: 'half' as const, headers: { ...headers, ...input.headers } };
    response = await (options.fetch ?? fetch)(toUrl(options.baseUrl, operation.path, input), init);
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ConnectionError(options.baseUrl, error);
  }
  if (!response.ok) throw await toError(response);
  return await readAnswer(operation, response);
}

function toUrl(baseUrl: string, path: string, { params = {}, query = {} }: AnyInput): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name]!));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  return `${baseUrl.replace(/\/+$/, '')}${filled}${search.size > 0 ? `?${search.toString()}` : ''}`;
}

function counted(form: Blob, onUpload: (sent: number, total: number) => void): ReadableStream {
  let sent = 0;
  const count = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      onUpload((sent += chunk.length), form.size);
      controller.enqueue(chunk);
    },
  });
  return form.stream().pipeThrough(count);
}

async function toError(response: Response): Promise<Problem> {
  const { status, statusText, headers } = response;
  const parsed = problemDetails.safeParse(await response.json().catch(() => undefined));
  const wait = Number(headers.get('retry-after') ?? NaN);
  const other = { status, reason: '', detail: `${status} ${statusText}`.trim(), requestId: '' };
  return new Problem(parsed.success ? parsed.data : other, Number.isFinite(wait) ? wait : undefined);
}

async function readAnswer({ answers }: Operation, response: Response): Promise<unknown> {
  const answer = answers[response.status];
  if (answer === undefined) throw await toError(response);
  if (answer instanceof z.ZodType) return await response.json();
  switch (answer.kind) {
    case 'nothing':
      return undefined;
    case 'file':
      return {
        bytes: new Uint8Array(await response.arrayBuffer()),
        fileName: /filename="([^"]*)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? '',
        contentType: response.headers.get('content-type') ?? '',
      } satisfies Download;
    case 'stream':
      return readEventStream(response);
  }
}
