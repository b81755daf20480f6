import { z } from 'zod';
import type { DriverContext } from '../driver-context.ts';
import { CertificateFiles } from '../files/certificate-files.ts';
import { filePath, FILES_TRIED, howFilesAreWritten, rightsOfNewFiles, toFileSetOptions } from '../files/file-config.ts';
import type { StoreDriver } from '../store-driver.ts';
import { rfPem } from './pem-keyfactor-type.ts';
import { pemLayout } from './pem-layout.ts';
import { keyFirstOf, misfitOf, PRESET_NAMES } from './pem-presets.ts';
import { trustStoreLayout } from './trust-store.ts';

const config = z
  .strictObject({
    preset: z
      .enum(PRESET_NAMES)
      .optional()
      .describe('The program that reads the files: checks which files it takes, and orders their blocks for it.'),
    certificatePath: filePath.optional().describe('The certificate alone; of a trust store, its one file.'),
    chainPath: filePath.optional().describe('The issuers, nearest first, without the certificate.'),
    fullChainPath: filePath.optional().describe('The certificate, then its issuers.'),
    keyPath: filePath.optional().describe('The private key, not encrypted.'),
    combinedPath: filePath
      .optional()
      .describe('The certificate, its issuers and the private key in one file, as HAProxy reads it.'),
    combinedWithoutChain: z.boolean().optional().describe('Leaves the issuers out of the combined file.'),
    includeRoot: z.boolean().optional().describe('Sends the root with the issuers. Default false.'),
    keyForm: z
      .enum(['pkcs8', 'traditional'])
      .optional()
      .describe('"traditional": PKCS#1, SEC 1. Default: as the file has it, a new one PKCS#8.'),
    trustStore: z
      .boolean()
      .optional()
      .describe('The file holds many certificates that somebody trusts, each named by its thumbprint.'),
    ...rightsOfNewFiles,
    ...howFilesAreWritten,
  })
  .superRefine((given, refinement) => {
    const problem = problemOf(given);
    if (problem !== undefined) refinement.addIssue({ code: 'custom', message: problem });
  });

type PemConfig = z.infer<typeof config>;

/** In the order in which they are replaced: who reads a certificate finds its key. */
const ROLES = {
  combinedPath: 'combined.pem',
  keyPath: 'key.pem',
  fullChainPath: 'fullchain.pem',
  chainPath: 'chain.pem',
  certificatePath: 'certificate.pem',
} as const;
const FIELDS = Object.keys(ROLES) as (keyof typeof ROLES)[];

function problemOf(given: PemConfig): string | undefined {
  const paths = FIELDS.flatMap((field) => given[field] ?? []);
  const { preset, trustStore, certificatePath, fullChainPath, combinedPath } = given;
  if ((certificatePath ?? fullChainPath ?? combinedPath) === undefined)
    return 'needs certificatePath, fullChainPath or combinedPath';
  if (new Set(paths).size < paths.length) return 'uses one path twice';
  if (trustStore && (preset !== undefined || certificatePath === undefined || paths.length > 1))
    return 'a trustStore has a certificatePath and no other file, and no preset';
  return preset && misfitOf(preset, given);
}

/** PEM files on the local file system, as nginx, Apache httpd, HAProxy and Postfix read them. */
export const pem: StoreDriver<typeof config> = {
  kind: 'pem',
  title: 'PEM files',
  description: 'One certificate as PEM files on the local file system, or a PEM file of many trusted certificates.',
  alias: 'none',
  aliasOf: ({ trustStore }) => (trustStore ? 'thumbprint' : 'none'),
  config,
  tried: FILES_TRIED,
  keyfactorType: rfPem,
  holdsPrivateKey: ({ keyPath, combinedPath }) => (keyPath ?? combinedPath) !== undefined,
  async open(given, context) {
    const paths = await resolvePaths(given, context);
    const layout = given.trustStore
      ? trustStoreLayout(ROLES.certificatePath, context.parser)
      : pemLayout(Object.keys(paths), {
          parser: context.parser,
          includeRoot: given.includeRoot ?? false,
          combinedWithoutChain: given.combinedWithoutChain ?? false,
          keyForm: given.keyForm,
          keyFirst: keyFirstOf(given.preset),
        });
    const holdsKey = (role: string) => role === ROLES.keyPath || role === ROLES.combinedPath;
    const roles = Object.fromEntries(Object.keys(paths).map((role) => [role, holdsKey(role)]));
    return new CertificateFiles(paths, { layout, options: toFileSetOptions(given, roles) }, context);
  },
};

async function resolvePaths(given: PemConfig, { roots, signal }: DriverContext): Promise<Record<string, string>> {
  const paths: Record<string, string> = {};
  for (const field of FIELDS) {
    const path = given[field];
    if (path !== undefined) paths[ROLES[field]] = await roots.resolve(path, signal);
  }
  return paths;
}
