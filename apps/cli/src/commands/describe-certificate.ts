import type {
  Certificate,
  CertificateExtension,
  CertificateFacts,
  CertificateLocation,
  Finding,
  PssParameters,
} from '@certferry/rest';
import { fields } from '../output.ts';
import { locationLines } from './locations.ts';

/** A certificate for people: one of the inventory, or one of a container and what its import would do. */
export function describeCertificate(
  certificate: CertificateFacts &
    Pick<Certificate, 'hasPrivateKey' | 'chain' | 'replaces' | 'replacedBy'> & {
      id?: string;
      result?: string;
      findings?: Finding[];
      locations?: CertificateLocation[];
    },
): string {
  const { chain = [], extensions = [], findings = [], result = '', id = '' } = certificate;
  return fields([
    ['Subject', certificate.subject],
    ['Issuer', certificate.issuer],
    ['Serial number', certificate.serialNumber],
    ['Valid', `${certificate.notBefore} to ${certificate.notAfter}`],
    ['Names', certificate.subjectAlternativeNames.map((one) => `${one.type}:${one.value}`).join(', ')],
    [
      'Key',
      `${certificate.keyAlgorithm} ${certificate.curve ?? certificate.keySize}${pssText(certificate.keyPss)}${certificate.hasPrivateKey ? ', private key present' : ''}`,
    ],
    ['Signature', certificate.signatureAlgorithm + pssText(certificate.signaturePss)],
    ['SHA-1', certificate.thumbprint],
    ['SHA-256', certificate.fingerprintSha256],
    ['Chain', chain.map((one) => one.subject).join(' < ')],
    ['Extensions', extensions.map(extensionLine).join('\n')],
    ['Id', id],
    ['Replaces', certificate.replaces ?? ''],
    ['Replaced by', certificate.replacedBy ?? ''],
    ['In stores', locationLines(certificate.locations ?? [])],
    ['Import would be', result],
    ['Findings', findings.map((one) => one.message).join(' ')],
  ]);
}

const pssText = (pss?: PssParameters): string =>
  pss ? ` (${pss.digest}, MGF1 with ${pss.maskDigest}, ${pss.saltLength} bytes of salt)` : '';

/** Unknown ones by OID and bytes. */
function extensionLine({ oid, name = oid, critical, value, text }: CertificateExtension): string {
  return `${name}${critical ? ' (critical)' : ''}: ${text?.join(', ') ?? Buffer.from(value, 'base64').toString('hex')}`;
}
