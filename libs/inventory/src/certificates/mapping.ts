import type { inventoryV1 } from '@certferry/contracts';
import { explainExtensions } from '@certferry/x509';
import type { Certificate } from './certificate.ts';
import type { CertificateUpdate } from './update-certificate.ts';

export function toCertificate(certificate: Certificate): inventoryV1.Certificate {
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
  };
}

/** With what is only answered for one certificate: its chain, and its extensions in words. */
export function toWholeCertificate(certificate: Certificate, chain: Certificate[]): inventoryV1.Certificate {
  return {
    ...toCertificate(certificate),
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
  { includeDer }: { includeDer: boolean },
): inventoryV1.Certificate {
  return { ...toCertificate(certificate), ...(includeDer && { der: certificate.der }) };
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
