import { writePkcs7 } from '@certferry/x509';
import type { Certificate } from '../certificates/certificate.ts';
import type { Certificates } from '../certificates/certificates.ts';
import { resolveChain } from '../certificates/chain.ts';
import { fileName, PEM_TYPE, pemOf, type ExportedFile } from './exported-file.ts';

export type ExportFormat = 'pem' | 'chain' | 'issuers' | 'der' | 'p7b';

/** The certificate as a file without its key: PEM (RFC 7468), DER, or PKCS#7 certs-only. `chain` and `p7b` carry the issuers we know, leaf first; `issuers` only them. */
export async function exportCertificate(
  certificates: Certificates,
  certificate: Certificate,
  format: ExportFormat,
): Promise<ExportedFile> {
  const { der } = certificate;
  if (format === 'pem')
    return { content: Buffer.from(pemOf([certificate])), mediaType: PEM_TYPE, fileName: fileName(certificate, 'pem') };
  if (format === 'der')
    return { content: der, mediaType: 'application/pkix-cert', fileName: fileName(certificate, 'cer') };
  const issuers = await resolveChain(certificates, certificate);
  if (format === 'p7b')
    return {
      content: writePkcs7([der, ...issuers.map((issuer) => issuer.der)]),
      mediaType: 'application/x-pkcs7-certificates',
      fileName: fileName(certificate, 'p7b'),
    };
  return {
    content: Buffer.from(pemOf(format === 'chain' ? [certificate, ...issuers] : issuers)),
    mediaType: PEM_TYPE,
    fileName: fileName(certificate, `${format}.pem`),
  };
}
