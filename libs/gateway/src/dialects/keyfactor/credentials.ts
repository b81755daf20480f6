import type { FastifyRequest } from 'fastify';
import { apiKeyHeader, type Credentials } from '../../shell/http-api.ts';

/** Basic: the password is an API key and the user name is only recorded (`DOMAIN\user` and `user@DOMAIN` alike); or Bearer, or X-Api-Key. */
export function readCredentials(request: FastifyRequest): Credentials {
  const basic = /^Basic +([A-Za-z0-9+/=_-]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (basic === undefined) return apiKeyHeader(request);
  const text = Buffer.from(basic, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? { key: text } : { key: text.slice(colon + 1), user: text.slice(0, colon).slice(0, 200) };
}
