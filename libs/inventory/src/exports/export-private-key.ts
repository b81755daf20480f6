import { invalid } from '@certferry/core';
import { parserV1 } from '@certferry/contracts';
import type { Client } from '@certferry/rpc';
import type { SecretKeeper } from '@certferry/secrets';
import { writePem, writeTraditionalKey } from '@certferry/x509';
import type { Certificate } from '../certificates/certificate.ts';
import type { Certificates } from '../certificates/certificates.ts';
import { resolveChain } from '../certificates/chain.ts';
import { openPrivateKey } from '../certificates/private-key.ts';
import { fileName, PEM_TYPE, pemOf, type ExportedFile } from './exported-file.ts';

export type KeyFormat = 'pem' | 'key' | 'traditional' | 'p12' | 'p12-legacy' | 'jks';

export interface KeyExport {
  format: KeyFormat;
  password: string;
  unencrypted: boolean;
}

type Parser = Client<typeof parserV1.ParserServiceDefinition>;

export interface KeyExportContext {
  certificates: Certificates;
  secrets: SecretKeeper;
  parser: Parser;
}

/** Keystores are never in the clear, and keytool opens no JKS with a shorter password. */
const KEYSTORES = {
  p12: { type: parserV1.KeystoreType.PKCS12, extension: 'p12', mediaType: 'application/x-pkcs12', least: 4 },
  'p12-legacy': {
    type: parserV1.KeystoreType.PKCS12_LEGACY,
    extension: 'p12',
    mediaType: 'application/x-pkcs12',
    least: 4,
  },
  jks: { type: parserV1.KeystoreType.JKS, extension: 'jks', mediaType: 'application/x-java-keystore', least: 6 },
} as const;
const LEAST_PASSWORD_CHARACTERS = 4;

const isKeystore = (format: KeyFormat): format is keyof typeof KEYSTORES => format in KEYSTORES;

/** The certificate's key, with the certificate and its chain where the format holds them. INVALID_FIELD for a password that does not fit the format. */
export async function exportPrivateKey(
  from: KeyExportContext,
  certificate: Certificate,
  as: KeyExport,
): Promise<ExportedFile> {
  checkProtection(as);
  const privateKey = await openPrivateKey(from, certificate);
  const { format, password } = as;
  if (isKeystore(format)) {
    const { type, extension, mediaType } = KEYSTORES[format];
    const chain = await resolveChain(from.certificates, certificate);
    const certificates = [certificate.der, ...chain.map(({ der }) => der)];
    const entries = [{ alias: certificate.name, certificates, privateKey }];
    const { content } = await from.parser.createKeystore({ type, password, entries });
    return { content: Buffer.from(content), mediaType, fileName: fileName(certificate, extension) };
  }
  const key = await keyPem(from.parser, privateKey, as);
  if (format !== 'pem')
    return { content: Buffer.from(key), mediaType: PEM_TYPE, fileName: fileName(certificate, 'key') };
  const chain = await resolveChain(from.certificates, certificate);
  const content = Buffer.from(key + pemOf([certificate, ...chain]));
  return { content, mediaType: PEM_TYPE, fileName: fileName(certificate, 'pem') };
}

async function keyPem(
  parser: Parser,
  privateKey: Buffer,
  { format, password, unencrypted }: KeyExport,
): Promise<string> {
  if (format === 'traditional') return writeTraditionalKey(privateKey);
  if (unencrypted) return writePem('PRIVATE KEY', privateKey);
  return (await parser.encryptPrivateKey({ privateKey, password })).pem;
}

/** A key leaves in the clear only when that was asked for in so many words. */
function checkProtection({ format, password, unencrypted }: KeyExport): void {
  if (unencrypted) {
    if (isKeystore(format))
      throw invalid('INVALID_FIELD', `A keystore of format ${format} always has a password.`, { field: 'unencrypted' });
    if (password !== '')
      throw invalid('INVALID_FIELD', 'Send a password or "unencrypted", not both.', { field: 'password' });
    return;
  }
  if (format === 'traditional')
    throw invalid(
      'INVALID_FIELD',
      'The traditional form is not encrypted (its own encryption is weak): say "unencrypted", or take format key.',
      { field: 'unencrypted' },
    );
  const least = isKeystore(format) ? KEYSTORES[format].least : LEAST_PASSWORD_CHARACTERS;
  if (password.length < least)
    throw invalid('INVALID_FIELD', `The password must have at least ${least} characters.`, { field: 'password' });
}
