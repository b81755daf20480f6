import type { DeploymentContext } from '../deployment-context.ts';
import type { Job } from '../jobs/job.ts';
import { findStore } from '../stores/open-store.ts';
import type { Store } from '../stores/store.ts';
import {
  aliasFor,
  checkEnabled,
  checkTargets,
  wantsPrivateKey,
  type ChangeRequest,
  type Deployment,
} from './deployment.ts';

/** A target as its job will have it. */
export type ResolvedTarget = ChangeRequest & Pick<Job, 'storeId' | 'storeKind'>;

/** Checks a deployment against certificate and stores; what each target's job will do, in their order. */
export async function resolveTargets(context: DeploymentContext, deployment: Deployment): Promise<ResolvedTarget[]> {
  const { certificateId, action, targets } = deployment;
  checkTargets(targets);
  const unnamed = action === 'remove' && certificateId === '';
  const certificate = unnamed
    ? undefined
    : (await context.certificates.getCertificate({ id: certificateId })).certificate!;
  if (action === 'add') checkEnabled(certificate!);
  const stores = new Map<string, Store>();
  for (const { storeId } of targets) if (!stores.has(storeId)) stores.set(storeId, await findStore(context, storeId));
  return targets.map((target) => {
    const store = stores.get(target.storeId)!;
    return {
      storeId: target.storeId,
      storeKind: store.kind,
      certificateId,
      fingerprintSha256: certificate?.facts!.fingerprintSha256 ?? '',
      ...(!certificate && target.thumbprint && { thumbprint: target.thumbprint.toUpperCase() }),
      action,
      alias: aliasFor(target, store, certificate),
      ...(!target.alias?.trim() && { aliasIsDefault: true }),
      overwrite: target.overwrite,
      allowKeyRemoval: target.allowKeyRemoval,
      forced: target.force,
      ...(target.replaces && { replaces: target.replaces }),
      includePrivateKey: action === 'add' && wantsPrivateKey(target, store, certificate!),
    };
  });
}
