import type { deploymentV1 } from '@certferry/contracts';
import type { StoreEntry } from '@certferry/store-drivers';

export function toHeld({ hasPrivateKey, facts }: StoreEntry): deploymentV1.HeldCertificate {
  const { fingerprintSha256, subject, notAfter } = facts;
  return { fingerprintSha256, subject, notAfter, hasPrivateKey };
}
