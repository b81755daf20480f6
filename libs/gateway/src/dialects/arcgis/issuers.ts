import { X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { isSignedBy, readCertificate } from '@certferry/x509';

interface Issuer {
  der: Uint8Array;
  subject: string;
}

let publicRoots: Issuer[] | undefined;

/** The roots of public CAs that come with Node.js: they count as present. */
function readPublicRoots(): Issuer[] {
  publicRoots ??= rootCertificates.map((pem) => {
    const der = new X509Certificate(pem).raw;
    return { der, subject: readCertificate(der).subject };
  });
  return publicRoots;
}

/** Whether a certificate is self-signed or one of these, or of the public roots, made it. */
export function hasIssuer(
  certificate: { der: Uint8Array; issuer: string; selfIssued: boolean },
  present: Issuer[],
): boolean {
  if (certificate.selfIssued) return true;
  return [...present, ...readPublicRoots()].some(
    (one) => one.subject === certificate.issuer && isSignedBy(certificate.der, one.der),
  );
}
