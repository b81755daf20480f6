import type { inventoryV1 } from '@certferry/contracts';
import { explainExtensions } from '@certferry/x509';
import type { Certificate } from './certificate.ts';
import type { CertificateUpdate } from './update-certificate.ts';

/** `replacedBy` is the id of the newest certificate that replaces it, where somebody has looked. */
export function toCertificate(certificate: Certificate, replacedBy = ''): inventoryV1.Certificate {
  const { _id: id, facts, name, notes, tags, enabled, hasPrivateKey, createdAt, updatedAt } = certificate;
  const { number, filePath, createdBy } = certificate;
  return {
    id,
    facts,
    name,
    notes,
    metadata: Object.fromEntries(certificate.metadata.map(({ key, value }) => [key, value])),
    tags,
    enabled,
    hasPrivateKey,
    number,
    filePath,
    createdBy,
    createdAt,
    updatedAt,
    chain: [],
    extensions: [],
    der: new Uint8Array(),
    replacesCertificateId: certificate.replaces ?? '',
    replacedByCertificateId: replacedBy,
  };
}

/** With what is only answered for one certificate: its chain, and its extensions in words. */
export function toWholeCertificate(
  certificate: Certificate,
  { chain, replacedBy }: { chain: Certificate[]; replacedBy: string | undefined },
): inventoryV1.Certificate {
  return {
    ...toCertificate(certificate, replacedBy),
    extensions: explainExtensions(certificate.der),
    chain: chain.map((link) => ({
      certificateId: link._id,
      subject: link.facts.subject,
      fingerprintSha256: link.fingerprintSha256,
    })),
  };
}

export function toListedCertificate(
  certificate: Certificate,
  { includeDer, replacedBy }: { includeDer: boolean; replacedBy: string | undefined },
): inventoryV1.Certificate {
  return { ...toCertificate(certificate, replacedBy), ...(includeDer && { der: certificate.der }) };
}

export const fromUpdate = ({
  metadata,
  tags,
  ...update
}: Omit<inventoryV1.UpdateCertificateRequest, 'id'>): CertificateUpdate => ({
  ...update,
  metadata: metadata?.values,
  tags: tags?.values,
});
