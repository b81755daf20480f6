import { isPkcs7, readPkcs7 } from '@certferry/x509';
import { addCertificate, emptyContainer, type Container } from '../container.ts';
import type { Format } from './format.ts';

/** PKCS#7 / CMS certs-only (RFC 5652 section 5), DER. */
export const pkcs7: Format = {
  detect: isPkcs7,
  needsSandbox: () => false,
  read(content) {
    const container = emptyContainer('PKCS7');
    readInto(container, content);
    return container;
  },
};

/** Adds the certificates of a PKCS#7; one that cannot be read fails alone. `first` is the index of the first. */
export function readInto(container: Container, content: Uint8Array, first = 0): void {
  const certificates = readPkcs7(content);
  if (certificates.length === 0) container.notices.push('The PKCS#7 is signed data without certificates.');
  for (const [i, der] of certificates.entries()) addCertificate(container, { index: first + i, der, alias: '' });
}
