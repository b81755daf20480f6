import type { FastifyRequest } from 'fastify';
import type { Credentials } from '../../shell/http-api.ts';
import { ArcgisError } from './answer.ts';
import type { Tokens } from './tokens.ts';

/** The API key that the request's token stands for. ArcgisError 499 without a token; of one that is not valid nobody. */
export async function readCredentials(tokens: Tokens, request: FastifyRequest): Promise<Credentials> {
  const token = tokenOf(request);
  if (token === undefined) throw new ArcgisError(499, 'Token Required');
  const from = { referer: request.headers.referer ?? '', ip: request.ip };
  return (await tokens.find(token, from)) ?? { key: undefined };
}

/** In a form's field, a header, or (only of a GET: addresses are logged elsewhere) in the query. */
function tokenOf(request: FastifyRequest): string | undefined {
  const query = (request.query as Record<string, unknown>)['token'];
  const header = request.headers['x-esri-authorization'] ?? request.headers.authorization;
  const bearer = /^Bearer +(\S+)$/i.exec(typeof header === 'string' ? header : '')?.[1];
  const inQuery = request.method === 'GET' && typeof query === 'string' ? query : undefined;
  return request.form?.fields.get('token') || inQuery || bearer || undefined;
}
