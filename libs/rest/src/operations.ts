import { apiKeyOperations } from './api-keys.ts';
import { auditOperations } from './audit.ts';
import { bulkImportOperations } from './bulk-imports.ts';
import { certificateOperations } from './certificates.ts';
import { deploymentOperations } from './deployments.ts';
import { enrollmentProfileOperations } from './enrollment-profiles.ts';
import { eventOperations } from './events.ts';
import { importOperations } from './imports.ts';
import { jobOperations } from './jobs.ts';
import { probeOperations } from './probes.ts';
import { renewalOperations } from './renewals.ts';
import { storeOperations } from './stores.ts';
import { versionOperations } from './versions.ts';

/** Every call of the public API, by its operationId. */
export const OPERATIONS = {
  ...importOperations,
  ...certificateOperations,
  ...storeOperations,
  ...versionOperations,
  ...deploymentOperations,
  ...renewalOperations,
  ...jobOperations,
  ...probeOperations,
  ...enrollmentProfileOperations,
  ...bulkImportOperations,
  ...eventOperations,
  ...apiKeyOperations,
  ...auditOperations,
};

/** What the tags of the operations stand for, in the order of the document. */
export const TAGS: Record<(typeof OPERATIONS)[keyof typeof OPERATIONS]['tag'], string> = {
  imports: 'Take containers of certificates and keys in, or say what is in them.',
  certificates: 'What certificates there are, with their keys, names and notes.',
  stores: 'Places that certificates are deployed to.',
  deployments: 'Put a certificate into stores, or take it out.',
  jobs: 'What deployments do, store by store, and how far they are.',
  probes: 'What servers show in TLS.',
  'enrollment profiles': 'How archives of certificates are taken in, and what became of those that were.',
  events: 'What happens, as it happens.',
  administration: 'API keys and the audit log.',
};
