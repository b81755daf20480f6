import { writePem } from '@certferry/x509';
import type { Certificate } from '../certificates/certificate.ts';

export interface ExportedFile {
  content: Buffer;
  mediaType: string;
  fileName: string;
}

export const PEM_TYPE = 'application/x-pem-file';

/** A name for a file: letters, digits, dots and dashes of the certificate's name. */
export function fileName(certificate: Certificate, extension: string): string {
  const base = certificate.name
    .replace(/^\*\./, 'wildcard.')
    .replace(/[^A-Za-z0-9.-]+/g, '_')
    .replace(/^[._]+/, '')
    .slice(0, 100);
  return `${base || 'certificate'}.${extension}`;
}

export const pemOf = (certificates: Certificate[]): string =>
  certificates.map(({ der }) => writePem('CERTIFICATE', der)).join('');
