import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What went wrong, as one sentence and an exit code. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** 1 the call failed, 2 wrong usage, 3 not found, 4 not allowed, 5 the server is not there, 6 the job did not succeed. */
export const EXIT = { failed: 1, usage: 2, notFound: 3, notAllowed: 4, unreachable: 5, jobFailed: 6 } as const;

const EXIT_BY_STATUS: Record<number, number> = {
  400: EXIT.usage,
  401: EXIT.notAllowed,
  403: EXIT.notAllowed,
  404: EXIT.notFound,
};

interface Problem {
  detail?: string;
  reason?: string;
  requestId?: string;
}

/** Calls the REST API at CERTFERRY_URL with CERTFERRY_API_KEY; on this machine the key is taken from the data folder. */
export class ApiClient {
  readonly #url: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(environment: NodeJS.ProcessEnv) {
    this.#url = (
      environment['CERTFERRY_URL'] ?? `http://127.0.0.1:${environment['CERTFERRY_HTTP_PORT'] ?? '8080'}`
    ).replace(/\/+$/, '');
    this.#environment = environment;
  }

  #key(): string {
    const given = this.#environment['CERTFERRY_API_KEY'];
    if (given) return given;
    const path = join(this.#environment['CERTFERRY_DATA_DIR'] ?? './.certferry', 'admin-api-key');
    try {
      return readFileSync(path, 'utf8').trim();
    } catch {
      throw new CliError(`Set CERTFERRY_API_KEY: there is no key in ${path} either.`, EXIT.notAllowed);
    }
  }

  /** The response of a call that succeeded; CliError otherwise. */
  async request(
    method: string,
    path: string,
    options: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Response> {
    const { body } = options;
    const isForm = body instanceof FormData;
    const headers = {
      'x-api-key': this.#key(),
      ...(body !== undefined && !isForm && { 'content-type': 'application/json' }),
      ...options.headers,
    };
    let response: Response;
    try {
      const content = body === undefined ? undefined : isForm ? body : JSON.stringify(body);
      response = await fetch(this.#url + path, { method, headers, body: content, signal: options.signal });
    } catch (error) {
      if (options.signal?.aborted) throw error;
      throw new CliError(
        `Certferry does not answer at ${this.#url}: start it with "npm start", or set CERTFERRY_URL.`,
        EXIT.unreachable,
      );
    }
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as Problem;
    const detail = problem.detail ?? `${response.status} ${response.statusText}`;
    throw new CliError(
      `${detail} (${problem.reason ?? response.status})`,
      EXIT_BY_STATUS[response.status] ?? EXIT.failed,
    );
  }

  async json<T>(method: string, path: string, body?: unknown): Promise<T> {
    return (await (await this.request(method, path, { body })).json()) as T;
  }

  /** All pages of a list, up to `most` items. */
  async list<T>(path: string, query: Record<string, string | undefined>, most: number): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const parameters = new URLSearchParams({ limit: String(Math.min(500, most - items.length)) });
      for (const [name, value] of Object.entries({ ...query, cursor })) if (value) parameters.set(name, value);
      const page = await this.json<{ items: T[]; nextCursor?: string }>('GET', `${path}?${parameters.toString()}`);
      items.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor && items.length < most);
    return items;
  }
}
