import { notFound, precondition } from '@certferry/core';
import type { OpenStore, StoreChange, StoreLimits } from '@certferry/store-drivers';
import type { DeploymentContext } from './deployment-context.ts';
import type { Job } from './job.ts';
import { openConfig, type Store } from './store.ts';

export type ChangeRequest = Pick<
  Job,
  'action' | 'alias' | 'overwrite' | 'includePrivateKey' | 'certificateId' | 'fingerprintSha256' | 'thumbprint'
>;

/** How long one visit to a store may take. */
const STORE_DEADLINE_MS = 300_000;

export const storeLimits = (): StoreLimits => ({
  signal: new AbortController().signal,
  deadline: new Date(Date.now() + STORE_DEADLINE_MS),
});

/** Opens a store with its secrets. Whoever opens it closes it. */
export async function openStore(
  { access, secrets }: Pick<DeploymentContext, 'access' | 'secrets'>,
  store: Store,
): Promise<OpenStore> {
  return await access.open({ id: store._id, kind: store.kind, config: openConfig(store, secrets) }, storeLimits());
}

/** Opens the store of a job, and closes it when `use` has ended. */
export async function withStore<T>(
  context: DeploymentContext,
  storeId: string,
  use: (open: OpenStore) => Promise<T>,
): Promise<T> {
  const store = await context.stores.find(storeId);
  if (!store) throw notFound('store', storeId);
  const open = await openStore(context, store);
  try {
    return await use(open);
  } finally {
    await open.close();
  }
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
