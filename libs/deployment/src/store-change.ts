import { notFound, precondition } from '@certferry/core';
import type { DeploymentContext } from './deployment-context.ts';
import type { OpenStore, StoreChange } from './drivers/driver.ts';
import type { Job } from './job.ts';
import { openStore, type Store } from './store.ts';

export type ChangeRequest = Pick<
  Job,
  'action' | 'alias' | 'overwrite' | 'includePrivateKey' | 'certificateId' | 'fingerprintSha256' | 'thumbprint'
>;

/** Opens the store of a job. */
export async function openJobStore(
  context: DeploymentContext,
  storeId: string,
): Promise<{ store: Store; open: OpenStore }> {
  const store = await context.stores.find(storeId);
  if (!store) throw notFound('store', storeId);
  const open = await openStore(store, {
    secrets: context.secrets,
    context: { roots: context.roots, parser: context.parser },
  });
  return { store, open };
}

/** What a job asks of a store, with the certificate and its key taken from the inventory. */
export async function toStoreChange(context: DeploymentContext, job: ChangeRequest): Promise<StoreChange> {
  if (job.action === 'remove') {
    const { alias, fingerprintSha256, thumbprint } = job;
    return { action: 'remove', alias, fingerprintSha256: fingerprintSha256 || undefined, thumbprint };
  }
  const material = await context.material.getCertificateMaterial({
    id: job.certificateId,
    includePrivateKey: job.includePrivateKey,
  });
  if (!material.certificate!.enabled) {
    throw precondition('CERTIFICATE_DISABLED', 'The certificate is disabled; enable it to deploy it.', {
      id: job.certificateId,
    });
  }
  const { fingerprintSha256, publicKeySha256 } = material.certificate!.facts!;
  return {
    action: 'add',
    alias: job.alias,
    overwrite: job.overwrite,
    fingerprintSha256,
    publicKeySha256,
    certificate: Buffer.from(material.der),
    chain: material.chain.map((der) => Buffer.from(der)),
    ...(job.includePrivateKey && { privateKey: Buffer.from(material.privateKey) }),
  };
}
