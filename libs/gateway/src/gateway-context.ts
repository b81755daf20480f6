import type { Platform } from '@certferry/runtime';
import type { AuditLog } from './records/audit-log.ts';
import type { EventLog } from './records/event-log.ts';
import type { Idempotency } from './records/idempotency.ts';
import type { ApiKeys } from './security/api-keys.ts';
import type { FailureLimit } from './security/failure-limit.ts';
import type { Services } from './services.ts';

/** What the routes work with. */
export interface GatewayContext {
  platform: Platform;
  services: Services;
  apiKeys: ApiKeys;
  failures: FailureLimit;
  audit: AuditLog;
  events: EventLog;
  idempotency: Idempotency;
  /** Folder that imports by file path read from; none: refused. */
  filesRoot: string | undefined;
}
