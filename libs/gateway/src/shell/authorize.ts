import { AppError } from '@certferry/core';
import type { Scope } from '@certferry/rest';
import type { FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import type { Credentials } from './http-api.ts';

/**
 * Ties the request to the API key that it brought and checks the route's scope. UNAUTHENTICATED, HttpError 429 after too
 * many wrong keys, PERMISSION_DENIED.
 */
export async function authorize(
  { apiKeys, failures }: GatewayContext,
  request: FastifyRequest,
  { key: given, user }: Credentials,
): Promise<void> {
  const key = typeof given === 'string' ? await apiKeys.authenticate(given) : given;
  if (!key) {
    failures.count(request.ip);
    throw unauthenticated();
  }
  request.apiKey = key;
  request.callerName = user;
  requireScope(request, request.routeOptions.config.scope);
}

/** PERMISSION_DENIED SCOPE_REQUIRED when the request's API key does not have the scope; without one it never has. */
export function requireScope({ apiKey }: FastifyRequest, scope: Scope | undefined): void {
  if (scope && apiKey?.scopes.includes(scope)) return;
  throw new AppError({
    code: 'PERMISSION_DENIED',
    reason: 'SCOPE_REQUIRED',
    message: `This API key does not have the scope "${scope ?? 'none'}".`,
    details: { scope: scope ?? '' },
  });
}

function unauthenticated(): AppError {
  const message =
    'Send an API key in X-Api-Key or as Authorization: Bearer. At the first start one is kept in <data folder>/admin-api-key.';
  return new AppError({ code: 'UNAUTHENTICATED', reason: 'API_KEY_REQUIRED', message });
}
