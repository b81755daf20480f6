import type { GatewayContext } from '../gateway-context.ts';
import type { HttpApi } from '../shell/http-api.ts';

/**
 * Another product's REST API over our own use cases: paths, names, casing, status codes and bodies, nothing else. Its
 * routes live in a scope of their own, with their own parsers.
 */
export interface Dialect {
  name: string;
  /** Below which paths it answers everything, also what does not exist. Matched without case. */
  prefix: string;
  create: (context: GatewayContext) => HttpApi;
}
