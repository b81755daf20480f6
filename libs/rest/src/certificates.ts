import { z } from 'zod';
import { certificateExtension, facts } from './certificate-facts.ts';
import { named } from './component.ts';
import { NOTHING, type Operations } from './operation.ts';
import { filter, listOf, page } from './paging.ts';
import { flag, idParams, stringMap, text, time } from './scalars.ts';

export const certificate = named(
  'Certificate',
  z.object({
    id: z.string(),
    name: z.string(),
    ...facts,
    notes: z.string(),
    metadata: stringMap,
    tags: z.array(z.string()),
    enabled: z.boolean(),
    hasPrivateKey: z.boolean(),
    number: z.int().describe('Small and never used twice, beside the id'),
    filePath: z.string().optional().describe('The file it was taken from by reference'),
    createdBy: z.string().optional().describe('Id of the API key'),
    createdAt: time,
    updatedAt: time,
    replaces: z.string().optional().describe('Id of the certificate that it replaces'),
    replacedBy: z.string().optional().describe('Id of the newest certificate that replaces it'),
    chain: z
      .array(
        named('ChainLink', z.object({ certificateId: z.string(), subject: z.string(), fingerprintSha256: z.string() })),
      )
      .optional()
      .describe('Known issuers, nearest first; only of a single certificate'),
    extensions: z
      .array(certificateExtension)
      .optional()
      .describe('All of them, in words; only of a single certificate'),
  }),
);
export type Certificate = z.infer<typeof certificate>;

export const certificatePatch = named(
  'CertificatePatch',
  z.strictObject({
    name: text(255).optional(),
    notes: text(10_000).optional(),
    metadata: stringMap.optional().describe('Replaces all'),
    tags: z.array(z.string()).optional().describe('Replaces all'),
    enabled: z.boolean().optional(),
  }),
);

export const validation = named(
  'Validation',
  z.object({ valid: z.boolean(), errors: z.array(z.string()), warnings: z.array(z.string()) }),
);

export const certificateLocation = named(
  'CertificateLocation',
  z.object({
    storeId: z.string(),
    storeName: z.string(),
    storeKind: z.string(),
    alias: z.string().describe('Empty for kinds without aliases'),
    certificateId: z.string(),
    hasPrivateKey: z.boolean(),
    jobId: z.string().optional().describe('The job that put it there'),
    deployedAt: time.optional(),
    verifiedAt: time.optional().describe('When the store was read last; absent with a problem'),
    problem: z.string().optional().describe('Why the store could not be read'),
  }),
);
export type CertificateLocation = z.infer<typeof certificateLocation>;

export const exportFormat = z.enum(['pem', 'chain', 'issuers', 'der', 'p7b']);
export type ExportFormat = z.infer<typeof exportFormat>;
export const keyFormat = z.enum(['pem', 'key', 'traditional', 'p12', 'p12-legacy', 'jks']);
export type KeyFormat = z.infer<typeof keyFormat>;

const PEM = 'application/x-pem-file';
const tag = 'certificates';

export const certificateOperations = {
  listCertificates: {
    method: 'GET',
    path: '/v1/certificates',
    tag,
    summary: 'List certificates',
    query: z.object({
      filter: filter.describe('CN -eq "web1" AND NotAfter -lt "2027-01-01"; see docs/filter.md'),
      q: text(500).optional().describe('Words in subject, issuer, names, serial number or digests'),
      sort: text(50)
        .optional()
        .describe('name, commonName, notAfter, createdAt or number; "-" before it for descending'),
      ...page,
    }),
    answers: { 200: named('CertificateList', listOf(certificate)) },
  },
  getCertificate: {
    method: 'GET',
    path: '/v1/certificates/{id}',
    tag,
    summary: 'Get a certificate with its known chain',
    params: idParams,
    answers: { 200: certificate },
    errors: [404],
  },
  updateCertificate: {
    method: 'PATCH',
    path: '/v1/certificates/{id}',
    tag,
    summary: 'Change name, notes, metadata, tags, or enable and disable',
    params: idParams,
    body: certificatePatch,
    answers: { 200: certificate },
    errors: [404, 409],
  },
  deleteCertificate: {
    method: 'DELETE',
    path: '/v1/certificates/{id}',
    tag,
    summary: 'Delete a certificate and its private key',
    description: 'Answers 409 CERTIFICATE_DEPLOYED while a store holds it or a job of it waits, unless it is forced.',
    params: idParams,
    query: z.object({ force: flag.optional().describe('Though it is deployed') }),
    answers: { 204: NOTHING },
    errors: [404, 409],
  },
  downloadCertificate: {
    method: 'GET',
    path: '/v1/certificates/{id}/download',
    tag,
    summary: 'Download without the key',
    params: idParams,
    query: z.object({
      format: exportFormat
        .default('pem')
        .describe('chain and p7b carry the certificate and its known issuers, issuers only those'),
    }),
    answers: {
      200: { kind: 'file', contentTypes: [PEM, 'application/pkix-cert', 'application/x-pkcs7-certificates'] },
    },
    errors: [404, 409],
  },
  downloadPrivateKey: {
    method: 'POST',
    path: '/v1/certificates/{id}/download',
    tag,
    summary: 'Download with the key, encrypted under a password or, if that is asked for, in the clear',
    params: idParams,
    body: named(
      'PrivateKeyDownload',
      z.strictObject({
        format: keyFormat.describe(
          'pem: the key and the chain; key: the key alone (PKCS#8); traditional: PKCS#1 or SEC 1; p12-legacy: for readers from before 2019',
        ),
        password: text(1_000).optional().describe('At least 4 characters, 6 for jks'),
        unencrypted: z.boolean().optional().describe('Instead of a password, for pem, key and traditional'),
      }),
    ),
    answers: { 200: { kind: 'file', contentTypes: [PEM, 'application/x-pkcs12', 'application/x-java-keystore'] } },
    errors: [404, 409],
  },
  validateCertificate: {
    method: 'GET',
    path: '/v1/certificates/{id}/validate',
    tag,
    summary: 'Say what is wrong with a certificate now: its dates, its issuer, and the file it was taken from',
    params: idParams,
    answers: { 200: validation },
    errors: [404],
  },
  listCertificateLocations: {
    method: 'GET',
    path: '/v1/certificates/{id}/locations',
    tag,
    summary: 'The stores that hold a certificate, by name and alias',
    description:
      'As kept with every job and every reading of a store. With verify the stores are read first; one that cannot be read is told with its problem.',
    params: idParams,
    query: z.object({ verify: flag.optional().describe('Read the stores first') }),
    answers: { 200: named('CertificateLocationList', listOf(certificateLocation)) },
    errors: [404],
  },
  linkCertificate: {
    method: 'POST',
    path: '/v1/certificates/{id}/replaces',
    tag,
    summary: 'Say which certificate it replaces; this stays, whatever comes in',
    params: idParams,
    body: named('Replacement', z.strictObject({ certificateId: text(100).describe('The older one') })),
    answers: { 200: certificate },
    errors: [404],
  },
  unlinkCertificate: {
    method: 'DELETE',
    path: '/v1/certificates/{id}/replaces',
    tag,
    summary: 'Say that it replaces none; this stays, whatever comes in',
    params: idParams,
    answers: { 200: certificate },
    errors: [404],
  },
  listMetadataFields: {
    method: 'GET',
    path: '/v1/metadata-fields',
    tag,
    summary: 'Every key that was used in metadata',
    answers: {
      200: named('MetadataFieldList', listOf(named('MetadataField', z.object({ number: z.int(), name: z.string() })))),
    },
  },
} as const satisfies Operations;
