import { publicKeyBitsOf } from '@certferry/x509';
import { z } from 'zod';
import type { StoreParser } from '../driver-context.ts';
import { CertificateFiles, requireKey, unreadable } from '../files/certificate-files.ts';
import { filePath, FILES_TRIED } from '../files/file-config.ts';
import type { FileContents } from '../files/file-set.ts';
import { toEntryCertificate, type AddChange, type StoreDriver, type StoreEntry } from '../store-driver.ts';
import { rfDer } from './der-keyfactor-type.ts';

const config = z
  .strictObject({
    certificatePath: filePath.describe('The certificate, DER.'),
    keyPath: filePath.optional().describe('The private key, PKCS#8 DER, not encrypted, mode 0600.'),
  })
  .refine(({ certificatePath, keyPath }) => certificatePath !== keyPath, 'uses one path twice');

/** One certificate in DER on the local file system, as embedded devices and Java's CertificateFactory read it. */
export const der: StoreDriver<typeof config> = {
  kind: 'der',
  title: 'DER files',
  description: 'One certificate as a DER file, without its chain, and its key as another.',
  alias: 'none',
  config,
  tried: FILES_TRIED,
  keyfactorType: rfDer,
  holdsPrivateKey: ({ keyPath }) => keyPath !== undefined,
  async open({ certificatePath, keyPath }, context) {
    const files: Record<string, string> = {
      'certificate.der': await context.roots.resolve(certificatePath, context.signal),
    };
    if (keyPath !== undefined) files['key.der'] = await context.roots.resolve(keyPath, context.signal);
    const layout = {
      encode: (change: AddChange, old: FileContents): FileContents => ({
        'certificate.der': change.certificate,
        ...(keyPath !== undefined && { 'key.der': requireKey(change, old['key.der']) }),
      }),
      decode: (contents: FileContents) => decodeDer(contents, context.parser),
      holdsKey: (contents: FileContents) => contents['key.der'] !== undefined,
    };
    return new CertificateFiles(files, layout, context);
  },
};

async function decodeDer(contents: FileContents, parser: StoreParser): Promise<StoreEntry | undefined> {
  const [certificate, key] = [contents['certificate.der'], contents['key.der']];
  if (!certificate) return undefined;
  const [leaf] = (await parser.inspect({ content: certificate })).certificates;
  if (!leaf) throw unreadable(contents, 'no certificate');
  const held = key && (await parser.inspect({ content: key })).keys[0]?.publicKeyBitsSha256;
  if (key && held !== publicKeyBitsOf(leaf.der))
    throw unreadable(contents, 'the key is not the key of the certificate');
  return { alias: '', ...toEntryCertificate(leaf), hasPrivateKey: key !== undefined, chain: [] };
}
