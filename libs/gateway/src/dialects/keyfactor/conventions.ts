import { invalid } from '@certferry/core';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { HttpError } from '../../problem.ts';
import { lowerKeys, parseBody } from '../json-body.ts';

/** What clients take us for; they choose by it which calls they make. */
export const PRODUCT_VERSION = '25.1.0.0';
const API_VERSIONS = /^[12](\.0)?$/;

/** Members whose keys are the caller's own words. */
const MAPS = ['metadata', 'jobfields', 'properties', 'parameters'];

/** Query parameters by their name in lower case, without the one prefix (`pq.`, `certificateStoreQuery.`) that v10 puts before them. */
export function readQuery(request: FastifyRequest): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.query as Record<string, unknown>)) {
    const text: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof text === 'string') found[name.replace(/^[^.]*\./, '').toLowerCase()] = text.trim();
  }
  return found;
}

export interface Paging {
  offset: number;
  limit: number;
  queryString: string;
  sortField: string;
  descending: boolean;
}

const DEFAULT_LIMIT = 50;
const MAX_LIMIT = 10_000;

/** The five parameters of every list; zero and empty mean the default. */
export function readPaging(query: Record<string, string>): Paging {
  const number = (name: string, fallback: number, most: number) => {
    const value = Number(query[name] ?? '');
    if (!Number.isInteger(value) || value < 0 || value > most)
      throw invalid('INVALID_FIELD', `${name} must be a whole number from 0 to ${most}.`, { field: name });
    return value || fallback;
  };
  const limit = number('returnlimit', DEFAULT_LIMIT, MAX_LIMIT);
  const page = number('pagereturned', 1, 1_000_000);
  return {
    offset: (page - 1) * limit,
    limit,
    queryString: query['querystring'] ?? '',
    sortField: (query['sortfield'] ?? '').toLowerCase(),
    descending: ['1', 'descending', 'desc'].includes((query['sortascending'] ?? '').toLowerCase()),
  };
}

/** A page that may be larger than one call to a service brings. */
export async function collect<T>(
  { offset, limit }: Paging,
  list: (page: { offset: number; limit: number; withTotal: boolean }) => Promise<{ items: T[]; total?: number }>,
): Promise<{ items: T[]; total: number }> {
  const items: T[] = [];
  let total = 0;
  do {
    const size = Math.min(500, limit - items.length);
    const found = await list({ offset: offset + items.length, limit: size, withTotal: items.length === 0 });
    total = found.total ?? total;
    items.push(...found.items);
    if (found.items.length < size) break;
  } while (items.length < limit);
  return { items, total };
}

const flag = new Set(['true', '1']);
export const readFlag = (query: Record<string, string>, name: string): boolean =>
  flag.has((query[name] ?? '').toLowerCase());

/** JSON with keys in any case, a known version of the API, and ours in every answer. */
export function addConventions(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<string>('*', { parseAs: 'string' }, (request, text, done) => {
    try {
      const type = request.headers['content-type'] ?? '';
      const body = parseBody(text);
      if (body !== undefined && !/json/i.test(type)) throw new HttpError(415, 'UNSUPPORTED_MEDIA_TYPE', 'Send JSON.');
      done(null, lowerKeys(body, MAPS));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook('onRequest', (request, _reply, done) => {
    const version = request.headers['x-keyfactor-api-version'];
    const isKnown = request.is404 || typeof version !== 'string' || API_VERSIONS.test(version.trim());
    if (isKnown) done();
    else done(invalid('INVALID_FIELD', `There is no version "${version}" of this API; there are 1 and 2.`));
  });
  app.addHook('onSend', (_request, reply) =>
    Promise.resolve(void reply.header('x-keyfactor-product-version', PRODUCT_VERSION)),
  );
}
