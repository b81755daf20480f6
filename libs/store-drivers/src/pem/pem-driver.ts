import { writePem } from '@certferry/x509';
import { z } from 'zod';
import type { StoreParser } from '../driver-context.ts';
import { CertificateFiles, keyFor, requireKey, unreadable, type FileLayout } from '../files/certificate-files.ts';
import { filePath, FILES_TRIED } from '../files/file-config.ts';
import type { FileContents } from '../files/file-set.ts';
import { toEntryCertificate, type StoreDriver, type StoreEntry } from '../store-driver.ts';
import { rfPem } from './pem-keyfactor-type.ts';

const config = z
  .strictObject({
    certificatePath: filePath.optional().describe('The certificate alone.'),
    chainPath: filePath.optional().describe('The issuers, nearest first, without the certificate.'),
    fullChainPath: filePath.optional().describe('The certificate, then its issuers.'),
    keyPath: filePath.optional().describe('The private key, PKCS#8, not encrypted, mode 0600.'),
    combinedPath: filePath
      .optional()
      .describe('The certificate, its issuers, then the private key in one file, mode 0600, as HAProxy reads it.'),
    combinedWithoutChain: z.boolean().optional().describe('Leaves the issuers out of the combined file.'),
  })
  .refine(
    ({ certificatePath, fullChainPath, combinedPath }) => certificatePath ?? fullChainPath ?? combinedPath,
    'needs certificatePath, fullChainPath or combinedPath',
  )
  .refine(
    ({ combinedWithoutChain: _, ...paths }) => new Set(Object.values(paths)).size === Object.values(paths).length,
    'uses one path twice',
  );

const ROLES = {
  certificatePath: 'certificate.pem',
  chainPath: 'chain.pem',
  fullChainPath: 'fullchain.pem',
  keyPath: 'key.pem',
  combinedPath: 'combined.pem',
} as const;

/** PEM files on the local file system, as nginx, Apache httpd, HAProxy and Postfix read them. */
export const pem: StoreDriver<typeof config> = {
  kind: 'pem',
  title: 'PEM files',
  description:
    'One certificate as PEM files on the local file system. Several files change as one, behind a symbolic link.',
  alias: 'none',
  config,
  tried: FILES_TRIED,
  keyfactorType: rfPem,
  holdsPrivateKey: ({ keyPath, combinedPath }) => (keyPath ?? combinedPath) !== undefined,
  async open(paths, context) {
    const files: Record<string, string> = {};
    for (const [field, role] of Object.entries(ROLES)) {
      const given = paths[field as keyof typeof ROLES];
      if (given !== undefined) files[role] = await context.roots.resolve(given, context.signal);
    }
    const layout = pemLayout(Object.keys(files), {
      combinedChain: !paths.combinedWithoutChain,
      parser: context.parser,
    });
    return new CertificateFiles(files, layout, context);
  },
};

function pemLayout(
  roles: string[],
  { combinedChain, parser }: { combinedChain: boolean; parser: StoreParser },
): FileLayout {
  const key = (der: Buffer) => writePem('PRIVATE KEY', der);
  return {
    encode(change, old) {
      const leaf = writePem('CERTIFICATE', change.certificate);
      const chain = change.chain.map((der) => writePem('CERTIFICATE', der)).join('');
      const combinedKey = keyFor(change, old['combined.pem']);
      const contents: Record<string, () => string> = {
        'certificate.pem': () => leaf,
        'chain.pem': () => chain,
        'fullchain.pem': () => leaf + chain,
        'key.pem': () => key(requireKey(change, old['key.pem'])),
        'combined.pem': () => leaf + (combinedChain ? chain : '') + (combinedKey ? key(combinedKey) : ''),
      };
      return Object.fromEntries(roles.map((role) => [role, Buffer.from(contents[role]!())]));
    },
    decode: (contents) => decodePem(contents, parser),
    holdsKey: (contents) => Object.values(contents).some((content) => content !== undefined && holdsPemKey(content)),
  };
}

/** Of any form, also of one that no driver reads. */
const holdsPemKey = (content: Buffer): boolean => content.includes('PRIVATE KEY-----');

async function decodePem(contents: FileContents, parser: StoreParser): Promise<StoreEntry | undefined> {
  const certificates = contents['fullchain.pem'] ?? contents['combined.pem'] ?? contents['certificate.pem'];
  if (!certificates) return undefined;
  const together = [certificates, contents['chain.pem'], contents['key.pem'], contents['combined.pem']];
  const content = Buffer.concat(together.flatMap((one) => (one ? [one, Buffer.from('\n')] : [])));
  const inspection = await parser.inspect({ content });
  const [leaf, ...issuers] = inspection.certificates;
  if (!leaf || inspection.failures.length > 0)
    throw unreadable(contents, inspection.failures[0]?.message ?? 'no certificate');
  if (contents['key.pem'] && leaf.key === undefined)
    throw unreadable(contents, 'the key is not the key of the certificate');
  const chain = new Map(issuers.map((one) => [one.facts!.fingerprintSha256, toEntryCertificate(one)]));
  chain.delete(leaf.facts!.fingerprintSha256);
  return { alias: '', ...toEntryCertificate(leaf), hasPrivateKey: leaf.key !== undefined, chain: [...chain.values()] };
}
