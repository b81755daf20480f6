import { publicKeyBitsOf, readPem, readPrivateKey, shapeOfKey, writeTraditionalKey } from '@certferry/x509';
import { z } from 'zod';
import type { StoreParser } from '../driver-context.ts';
import { CertificateFiles, heldKey, requireKey, unreadable } from '../files/certificate-files.ts';
import { filePath, FILES_TRIED, howFilesAreWritten, rightsOfNewFiles, toFileSetOptions } from '../files/file-config.ts';
import type { FileContents } from '../files/file-set.ts';
import { toEntryCertificate, type AddChange, type StoreDriver, type StoreEntry } from '../store-driver.ts';
import { rfDer } from './der-keyfactor-type.ts';

const config = z
  .strictObject({
    certificatePath: filePath.describe('The certificate, DER.'),
    keyPath: filePath.optional().describe('The private key, DER, not encrypted.'),
    ...rightsOfNewFiles,
    ...howFilesAreWritten,
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
  async open(given, context) {
    const { certificatePath, keyPath } = given;
    const { roots, signal, parser } = context;
    // The key first: who reads a certificate finds its key.
    const files: Record<string, string> = {
      ...(keyPath !== undefined && { 'key.der': await roots.resolve(keyPath, signal) }),
      'certificate.der': await roots.resolve(certificatePath, signal),
    };
    const layout = {
      encode: (change: AddChange, old: FileContents): FileContents => ({
        'certificate.der': change.certificate,
        ...(keyPath !== undefined && { 'key.der': keyAsHeld(change, old['key.der']) }),
      }),
      decode: (contents: FileContents) => decodeDer(contents, parser),
      holdsKey: (contents: FileContents) => contents['key.der'] !== undefined,
    };
    const options = toFileSetOptions(given, { 'key.der': true, 'certificate.der': false });
    return new CertificateFiles(files, { layout, options }, context);
  },
};

/** In the form (PKCS#1, SEC 1, PKCS#8) that the file has; a new one is PKCS#8. */
function keyAsHeld(change: AddChange, old: Buffer | undefined): Buffer {
  const key = requireKey(change, old);
  const held = old && heldKey(old);
  if (old && held?.pkcs8.equals(key)) return old;
  const shape = old && shapeOfKey(old);
  const { algorithm } = readPrivateKey(key, 'pkcs8');
  if ((shape !== 'pkcs1' || algorithm !== 'RSA') && (shape !== 'sec1' || algorithm !== 'EC')) return key;
  return Buffer.from(readPem(Buffer.from(writeTraditionalKey(key)))[0]!.bytes!);
}

async function decodeDer(contents: FileContents, parser: StoreParser): Promise<StoreEntry[]> {
  const [certificate, key] = [contents['certificate.der'], contents['key.der']];
  if (!certificate) return [];
  const [leaf] = (await parser.inspect({ content: certificate })).certificates;
  if (!leaf) throw unreadable(contents, 'no certificate');
  const held = key && (await parser.inspect({ content: key })).keys[0]?.publicKeyBitsSha256;
  if (key && held !== publicKeyBitsOf(leaf.der))
    throw unreadable(contents, 'the key is not the key of the certificate');
  return [{ alias: '', ...toEntryCertificate(leaf), hasPrivateKey: key !== undefined, chain: [] }];
}
