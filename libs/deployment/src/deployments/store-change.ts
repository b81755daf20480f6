import type { StoreChange } from '@certferry/store-drivers';
import type { DeploymentContext } from '../deployment-context.ts';
import { checkEnabled, type ChangeRequest } from './deployment.ts';

/** What a job asks of a store, with the certificate and its key taken from the inventory. */
export async function toStoreChange(
  { material }: Pick<DeploymentContext, 'material'>,
  job: ChangeRequest,
): Promise<StoreChange> {
  const { action, alias, overwrite, certificateId: id, includePrivateKey, fingerprintSha256, thumbprint } = job;
  const { aliasIsDefault } = job;
  if (action === 'remove')
    return { action, alias, aliasIsDefault, fingerprintSha256: fingerprintSha256 || undefined, thumbprint };
  const { certificate, der, chain, privateKey } = await material.getCertificateMaterial({ id, includePrivateKey });
  checkEnabled(certificate!);
  const { facts } = certificate!;
  return {
    action,
    alias,
    aliasIsDefault,
    overwrite,
    fingerprintSha256: facts!.fingerprintSha256,
    certificate: Buffer.from(der),
    chain: chain.map((issuer) => Buffer.from(issuer)),
    ...(includePrivateKey && { privateKey: Buffer.from(privateKey) }),
  };
}
