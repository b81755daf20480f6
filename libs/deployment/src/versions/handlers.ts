import type { deploymentV1 } from '@certferry/contracts';
import type { DeploymentContext } from '../deployment-context.ts';
import { toJob } from '../jobs/mapping.ts';
import { findStore } from '../stores/open-store.ts';
import { createRollback } from './create-rollback.ts';
import type { Version } from './version.ts';

export function createVersionHandlers(context: DeploymentContext): deploymentV1.VersionServiceImplementation {
  return {
    async listStoreVersions({ storeId }) {
      await findStore(context, storeId);
      return { items: (await context.versions.list(storeId)).map(toVersion) };
    },

    async rollBackStore({ storeId, alias, version, requestId }) {
      return { job: toJob(await createRollback(context, { storeId, alias, version, idempotencyKey: requestId })) };
    },
  };
}

function toVersion(version: Omit<Version, 'sealed'>): deploymentV1.StoreVersion {
  const { number, alias, fingerprintSha256, subject, notAfter, hasPrivateKey, jobId, keptAt } = version;
  return { number, alias, fingerprintSha256, subject, notAfter, hasPrivateKey, jobId, keptAt };
}
