import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { AppError, invalid, limitExceeded, precondition } from '@certferry/core';
import { connectDirectly } from './connect.ts';
import type { Outbound, Target } from './outbound.ts';
import { withinTime } from './within-time.ts';

const MAX_REDIRECTS = 3;
const TIMEOUT_MS = 20_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

export interface FetchOptions {
  /** https, without a user in it. */
  url: string;
  maxBytes: number;
  signal: AbortSignal;
  /** Milliseconds; 20,000. */
  timeoutMs?: number;
}

/** A URL as errors and records say it: its query may be a secret. */
export const withoutQuery = ({ origin, pathname }: URL): string => origin + pathname;

/**
 * What is at an https URL. Follows at most three redirects, on the same origin; the host is looked up once.
 * INVALID_ARGUMENT INVALID_URL; FAILED_PRECONDITION or UNAVAILABLE URL_NOT_SERVED with the status, REDIRECT_NOT_FOLLOWED;
 * RESOURCE_EXHAUSTED LIMIT_EXCEEDED; DEADLINE_EXCEEDED SOURCE_TOO_SLOW; and those of connecting.
 */
export async function fetchFile(outbound: Outbound, options: FetchOptions): Promise<Buffer> {
  const url = checkUrl(options.url);
  const { timeoutMs = TIMEOUT_MS, maxBytes } = options;
  return await withinTime({ signal: options.signal, timeoutMs, what: withoutQuery(url) }, async (signal) => {
    const target = await outbound.resolve(hostOf(url), signal);
    const answer = await follow(url, (next) => get(next, { target, ca: outbound.ca, signal }));
    try {
      return await readBody(answer, { url, maxBytes });
    } finally {
      answer.destroy();
    }
  });
}

/** An https URL without a user. INVALID_ARGUMENT INVALID_URL, without the URL: it may hold a secret. */
export function checkUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url) throw invalid('INVALID_URL', 'This is not a URL.');
  if (url.protocol !== 'https:')
    throw invalid('INVALID_URL', `Only https is fetched, not ${url.protocol.slice(0, -1)}.`);
  if (url.username || url.password)
    throw invalid('INVALID_URL', 'The URL has a user or a password in it: download the file and import it.');
  return url;
}

const hostOf = (url: URL): string => url.hostname.replace(/^\[(.*)\]$/, '$1');

/** The first answer that is no redirect. */
async function follow(url: URL, send: (url: URL) => Promise<IncomingMessage>): Promise<IncomingMessage> {
  let at = url;
  for (let redirects = 0; ; redirects++) {
    const answer = await send(at);
    if (!REDIRECTS.has(answer.statusCode!)) return answer;
    answer.destroy();
    at = nextUrl(at, answer.headers.location);
    if (redirects === MAX_REDIRECTS) throw notFollowed(url, `it redirects more than ${MAX_REDIRECTS} times`);
  }
}

function nextUrl(from: URL, location: string | undefined): URL {
  const next = location !== undefined && URL.canParse(location, from.href) ? new URL(location, from) : undefined;
  if (!next) throw notFollowed(from, 'it redirects to nowhere');
  if (next.origin !== from.origin)
    throw notFollowed(from, `it redirects to ${next.origin}, which is somewhere else: give that URL if you trust it`);
  return checkUrl(next.href);
}

const notFollowed = (url: URL, why: string): AppError =>
  precondition('REDIRECT_NOT_FOLLOWED', `${withoutQuery(url)} is not fetched: ${why}.`);

async function get(
  url: URL,
  { target, ca, signal }: { target: Target; ca: string[]; signal: AbortSignal },
): Promise<IncomingMessage> {
  const port = Number(url.port || 443);
  const socket = await connectDirectly({ ...target, port, tls: { ca } }, signal);
  const request = httpRequest({
    createConnection: () => socket,
    path: url.pathname + url.search,
    headers: {
      host: url.host,
      accept: '*/*',
      'accept-encoding': 'identity',
      'user-agent': 'certferry',
      connection: 'close',
    },
  });
  // The end of the socket is an error of the request at any time, also when nobody waits for it any more.
  request.on('error', () => undefined);
  request.end();
  try {
    const [answer] = (await once(request, 'response', { signal })) as [IncomingMessage];
    return answer;
  } catch (error) {
    request.destroy();
    throw brokenOff(url, error);
  }
}

async function readBody(answer: IncomingMessage, { url, maxBytes }: { url: URL; maxBytes: number }): Promise<Buffer> {
  const { statusCode: status = 0, headers } = answer;
  if (status !== 200) {
    throw new AppError({
      code: status >= 500 || status === 429 ? 'UNAVAILABLE' : 'FAILED_PRECONDITION',
      reason: 'URL_NOT_SERVED',
      message: `${withoutQuery(url)} answered with the status ${status}.`,
      details: { status: String(status) },
    });
  }
  const encoding = headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw precondition('URL_NOT_SERVED', `${withoutQuery(url)} answered with the encoding ${encoding}, unasked.`);
  const tooLarge = () => limitExceeded('URL bytes', maxBytes, `${withoutQuery(url)} has more than ${maxBytes} bytes.`);
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > maxBytes) throw tooLarge();
      chunks.push(chunk);
    }
  } catch (error) {
    throw error instanceof AppError ? error : brokenOff(url, error);
  }
  return Buffer.concat(chunks);
}

function brokenOff(url: URL, cause: unknown): AppError {
  const errno = (cause as NodeJS.ErrnoException).code ?? 'no answer';
  const message = `${withoutQuery(url)} broke off its answer (${errno}).`;
  return new AppError({ code: 'UNAVAILABLE', reason: 'CONNECT_FAILED', message, details: { errno }, cause });
}
