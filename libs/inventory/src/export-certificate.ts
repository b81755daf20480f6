import { invalid, precondition } from '@certferry/core';
import type { parserV1 } from '@certferry/contracts';
import type { Client } from '@certferry/rpc';
import type { SecretKeeper } from '@certferry/secrets';
import { writePem, writePkcs7 } from '@certferry/x509';
import { keyContext, type Certificate } from './certificate.ts';
import type { Certificates } from './certificates.ts';
import { resolveChain } from './chain.ts';

export interface ExportedFile {
  content: Buffer;
  mediaType: string;
  fileName: string;
}

/** A name for a file: letters, digits, dots and dashes of the certificate's name. */
function fileName(certificate: Certificate, extension: string): string {
  const base = certificate.name
    .replace(/^\*\./, 'wildcard.')
    .replace(/[^A-Za-z0-9.-]+/g, '_')
    .replace(/^[._]+/, '')
    .slice(0, 100);
  return `${base || 'certificate'}.${extension}`;
}

const pemOf = (certificates: Certificate[]): string =>
  certificates.map(({ der }) => writePem('CERTIFICATE', der)).join('');

/** The certificate as a file without its key: RFC 7468 PEM, DER, or PKCS#7 certs-only. `chain` and `p7b` carry the issuers we know, leaf first. */
export async function exportCertificate(
  certificates: Certificates,
  certificate: Certificate,
  format: 'pem' | 'chain' | 'der' | 'p7b',
): Promise<ExportedFile> {
  const pemType = 'application/x-pem-file';
  switch (format) {
    case 'pem':
      return { content: Buffer.from(pemOf([certificate])), mediaType: pemType, fileName: fileName(certificate, 'pem') };
    case 'chain': {
      const chain = [certificate, ...(await resolveChain(certificates, certificate))];
      return { content: Buffer.from(pemOf(chain)), mediaType: pemType, fileName: fileName(certificate, 'chain.pem') };
    }
    case 'der':
      return { content: certificate.der, mediaType: 'application/pkix-cert', fileName: fileName(certificate, 'cer') };
    case 'p7b': {
      const chain = [certificate, ...(await resolveChain(certificates, certificate))];
      return {
        content: writePkcs7(chain.map(({ der }) => der)),
        mediaType: 'application/x-pkcs7-certificates',
        fileName: fileName(certificate, 'p7b'),
      };
    }
  }
}

/** PKCS#8 DER. FAILED_PRECONDITION NO_PRIVATE_KEY when the inventory does not have it. */
export async function openPrivateKey(
  certificates: Certificates,
  secrets: SecretKeeper,
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

const MIN_PASSWORD_CHARACTERS = 4;

/** The certificate with its chain and its key, encrypted under `password`. */
export async function exportPrivateKey(
  from: { certificates: Certificates; secrets: SecretKeeper; parser: Client<typeof parserV1.ParserServiceDefinition> },
  certificate: Certificate,
  as: { format: 'pem' | 'p12'; password: string },
): Promise<ExportedFile> {
  if (as.password.length < MIN_PASSWORD_CHARACTERS) {
    throw invalid('INVALID_FIELD', `The password must have at least ${MIN_PASSWORD_CHARACTERS} characters.`, {
      field: 'password',
    });
  }
  const privateKey = await openPrivateKey(from.certificates, from.secrets, certificate);
  const chain = [certificate, ...(await resolveChain(from.certificates, certificate))];
  if (as.format === 'pem') {
    const { pem } = await from.parser.encryptPrivateKey({ privateKey, password: as.password });
    return {
      content: Buffer.from(pem + pemOf(chain)),
      mediaType: 'application/x-pem-file',
      fileName: fileName(certificate, 'pem'),
    };
  }
  const value = { alias: certificate.name, certificates: chain.map(({ der }) => der), privateKey };
  const { content } = await from.parser.editKeystore({ password: as.password, edit: { $case: 'put', value } });
  return { content: Buffer.from(content), mediaType: 'application/x-pkcs12', fileName: fileName(certificate, 'p12') };
}
