import { precondition } from '@certferry/core';
import type { SecretKeeper } from '@certferry/secrets';
import { keyContext, type Certificate } from './certificate.ts';
import type { Certificates } from './certificates.ts';

/** PKCS#8 DER. FAILED_PRECONDITION NO_PRIVATE_KEY when the inventory does not have it. */
export async function openPrivateKey(
  { certificates, secrets }: { certificates: Certificates; secrets: SecretKeeper },
  certificate: Certificate,
): Promise<Buffer> {
  const sealed = certificate.hasPrivateKey ? await certificates.sealedKey(certificate._id) : undefined;
  if (!sealed)
    throw precondition(
      'NO_PRIVATE_KEY',
      'The inventory does not have the private key of this certificate: import it.',
      { id: certificate._id },
    );
  return secrets.open(sealed, keyContext(certificate._id));
}
