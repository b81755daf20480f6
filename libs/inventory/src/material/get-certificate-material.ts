import type { SecretKeeper } from '@certferry/secrets';
import type { Certificate } from '../certificates/certificate.ts';
import type { Certificates } from '../certificates/certificates.ts';
import { resolveChain } from '../certificates/chain.ts';
import { openPrivateKey } from '../certificates/private-key.ts';

export interface MaterialContext {
  certificates: Certificates;
  secrets: SecretKeeper;
}

/** What is written to a store. */
export interface CertificateMaterial {
  certificate: Certificate;
  /** Issuers that the inventory knows, nearest first. */
  chain: Certificate[];
  /** PKCS#8 DER; only when it was asked for. */
  privateKey?: Buffer;
}

/** FAILED_PRECONDITION NO_PRIVATE_KEY when the key is asked for and the inventory does not have it. */
export async function getCertificateMaterial(
  context: MaterialContext,
  { id, includePrivateKey }: { id: string; includePrivateKey: boolean },
): Promise<CertificateMaterial> {
  const certificate = await context.certificates.get(id);
  const chain = await resolveChain(context.certificates, certificate);
  return { certificate, chain, ...(includePrivateKey && { privateKey: await openPrivateKey(context, certificate) }) };
}
