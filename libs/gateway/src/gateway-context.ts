import type { Platform } from '@certferry/runtime';
import { AuditLog } from './records/audit-log.ts';
import { EventLog } from './records/event-log.ts';
import { Idempotency } from './records/idempotency.ts';
import { ApiKeys } from './security/api-keys.ts';
import { FailureLimit } from './security/failure-limit.ts';
import { createServices, type Services } from './services.ts';

const FAILURES_PER_MINUTE = 30;

/** What of the platform the routes and the shell touch. */
export interface GatewayPlatform extends Omit<Platform, 'config' | 'events' | 'logger'> {
  logger: Pick<Platform['logger'], 'info' | 'error'>;
}

/** What the routes work with. */
export interface GatewayContext {
  platform: GatewayPlatform;
  services: Services;
  apiKeys: ApiKeys;
  failures: FailureLimit;
  audit: AuditLog;
  events: EventLog;
  idempotency: Idempotency;
  /** Folder that imports by file path read from; none: refused. */
  filesRoot: string | undefined;
}

export function createGatewayContext(platform: GatewayPlatform, filesRoot: string | undefined): GatewayContext {
  const { database, clock, secrets, client } = platform;
  return {
    platform,
    services: createServices(client),
    apiKeys: new ApiKeys(database, clock),
    failures: new FailureLimit(FAILURES_PER_MINUTE),
    audit: new AuditLog(database, secrets.deriveKey('audit')),
    events: new EventLog(database),
    idempotency: new Idempotency(database, { clock, key: secrets.deriveKey('idempotency') }),
    filesRoot,
  };
}
