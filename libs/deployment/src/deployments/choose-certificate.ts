import { invalid } from '@certferry/core';
import { inventoryV1 } from '@certferry/contracts';
import { findDriver } from '@certferry/store-drivers';
import type { DeploymentContext } from '../deployment-context.ts';
import { findStore } from '../stores/open-store.ts';
import type { Deployment } from './deployment.ts';

const { PrivateKeyWish } = inventoryV1;

/**
 * A deployment by name with the certificate that the name stands for: the newest valid one, with its private key where a
 * target has a place for it. INVALID_ARGUMENT INVALID_FIELD for a removal, and together with an id.
 */
export async function chooseCertificate(
  context: DeploymentContext,
  deployment: Deployment,
  name: string,
): Promise<{ deployment: Deployment; chosen?: inventoryV1.Certificate }> {
  if (name === '') return { deployment };
  const refuse = (message: string) => invalid('INVALID_FIELD', message, { field: 'certificate_name' });
  if (deployment.certificateId !== '') throw refuse('Either the id or the name of a certificate is given, not both.');
  if (deployment.action === 'remove') throw refuse('A removal is of a certificate by its id, or of an alias.');
  const asked = { name, privateKey: await privateKeyWish(context, deployment) };
  const chosen = (await context.replacements.resolveName(asked)).certificate!;
  return { deployment: { ...deployment, certificateId: chosen.id }, chosen };
}

async function privateKeyWish(
  context: DeploymentContext,
  { targets }: Deployment,
): Promise<inventoryV1.PrivateKeyWish> {
  if (targets.some(({ includePrivateKey }) => includePrivateKey)) return PrivateKeyWish.REQUIRED;
  for (const { storeId, includePrivateKey } of targets) {
    const { kind, config } = await findStore(context, storeId);
    if (includePrivateKey !== false && findDriver(kind).holdsPrivateKey(config)) return PrivateKeyWish.PREFERRED;
  }
  return PrivateKeyWish.UNSPECIFIED;
}
