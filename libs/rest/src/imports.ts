import { z } from 'zod';
import { certificateFacts } from './certificate-facts.ts';
import { named } from './component.ts';
import type { Operations } from './operation.ts';
import { listOf, page } from './paging.ts';
import { idParams, requester, stringMap, text, time } from './scalars.ts';

export const containerFormat = named(
  'ContainerFormat',
  z.enum(['pem', 'der', 'pkcs12', 'pkcs7', 'jks', 'jceks', 'bks', 'zip', 'tar']),
);
export type ContainerFormat = z.infer<typeof containerFormat>;

export const importStatus = named(
  'ImportStatus',
  z.enum(['queued', 'running', 'paused', 'completed', 'partial', 'failed', 'cancelled', 'inspected']),
);
export type ImportStatus = z.infer<typeof importStatus>;
export const importResult = named('ImportResult', z.enum(['created', 'updated', 'unchanged', 'failed', 'passed_over']));
export type ImportResult = z.infer<typeof importResult>;
export const importedChange = named('ImportedChange', z.enum(['key', 'name', 'notes', 'metadata', 'tags']));

export const findingCode = named(
  'FindingCode',
  z.enum([
    'WEAK_KEY',
    'WEAK_SIGNATURE',
    'NEGATIVE_SERIAL',
    'LONG_SERIAL',
    'EXPIRED',
    'NOT_YET_VALID',
    'ENDS_BEFORE_IT_BEGINS',
    'OLD_VERSION',
    'NO_ALTERNATIVE_NAMES',
    'NON_MINIMAL_DER',
    'EMPTY_RDN',
    'ODD_ENCODING',
    'NON_ASCII_NAME',
    'EXPLICIT_CURVE',
    'UNKNOWN_CURVE',
  ]),
);
const finding = named('Finding', z.object({ code: findingCode, message: z.string() }));
export type Finding = z.infer<typeof finding>;

/** What comes with a container. */
export const importFields = z.strictObject({
  password: text(1_000).optional(),
  keyPassword: text(1_000).optional().describe('Of the keys, where it is not the container’s'),
  passwords: z
    .array(text(1_000))
    .max(100)
    .optional()
    .describe('Further ones of the container: each is tried, and on each file of an archive'),
  name: text(255).optional(),
  notes: text(10_000).optional(),
  metadata: stringMap.optional(),
  tags: z.array(z.string()).optional(),
  firstOfPem: z
    .boolean()
    .optional()
    .describe('Of a PEM file only the first certificate; keys and the rest are passed over'),
  createOnly: z.boolean().optional().describe('What is there already fails with CERTIFICATE_EXISTS'),
  formats: z.array(containerFormat).optional().describe('Refuse others; default: all'),
});
export type ImportFields = z.infer<typeof importFields>;

/** What is spoken at an endpoint before TLS. */
export const startTlsProtocol = named(
  'StartTlsProtocol',
  z.enum(['smtp', 'imap', 'pop3', 'ldap', 'postgres', 'mysql']),
);

const servedEndpoint = named(
  'ServedEndpoint',
  z.strictObject({
    host: text(255).describe('A name or an address'),
    port: z.int().min(1).max(65_535),
    serverName: text(255).optional().describe('Whose certificate is asked for (SNI); default: the host’s'),
    startTls: startTlsProtocol.optional().describe('What is spoken before TLS; default: nothing'),
  }),
);

export const importBody = named(
  'ImportBody',
  z
    .strictObject({
      contentBase64: z.base64().optional().describe('The container; at most 10 MiB decoded'),
      filePath: text(4_096).optional().describe('Instead of contentBase64: a file below CERTFERRY_FILES_ROOT'),
      url: text(8_192).optional().describe('Instead of contentBase64: https, at most 10 MiB; its query is not kept'),
      endpoint: servedEndpoint.optional().describe('Instead of contentBase64: the certificates that are served there'),
      ...importFields.shape,
    })
    .refine(
      ({ contentBase64, filePath, url, endpoint }) =>
        [contentBase64, filePath, url, endpoint].filter((one) => one !== undefined).length === 1,
      'needs one of contentBase64, filePath, url and endpoint',
    ),
);

export type ImportBody = z.infer<typeof importBody>;

const importItem = named(
  'ImportItem',
  z.object({
    index: z.int().describe('Position in the container'),
    file: z.string().optional().describe('Where the container is an archive, the file in it'),
    result: importResult,
    certificateId: z.string().optional(),
    certificateNumber: z.int().optional(),
    issuer: z.boolean().describe('Whether another certificate of the container was issued by this one'),
    fingerprintSha256: z.string().optional(),
    subject: z.string().optional(),
    hasPrivateKey: z.boolean(),
    keyFromCertificateId: z
      .string()
      .optional()
      .describe('The certificate that had the key already, where this one got it from the inventory'),
    keyAddedTo: z
      .array(z.string())
      .optional()
      .describe('Further certificates of the inventory that got the key of this item: those with its public key'),
    changes: z.array(importedChange).optional(),
    reason: z.string().optional(),
    message: z.string().optional(),
    findings: z.array(finding).optional().describe('What is odd about it and no reason to refuse it'),
    certificate: certificateFacts.optional().describe('Only of an inspection'),
  }),
);
export type ImportItem = z.infer<typeof importItem>;

export const importAnswer = named(
  'Import',
  z.object({
    id: z.string().describe('Empty for an inspection'),
    status: importStatus.describe('"partial": some items failed; "failed": all did; "inspected": nothing was kept'),
    created: z.int().describe('How many items are new'),
    updated: z.int(),
    unchanged: z.int(),
    failed: z.int(),
    passedOver: z.int().describe('Files of an archive that had nothing to take'),
    format: containerFormat.optional().describe('Absent until it is known'),
    total: z.int().describe('What there is to do, as far as it is known: items of a container, or files of an archive'),
    done: z.int().describe('created + updated + unchanged + failed + passedOver'),
    bytes: z.int().describe('Of the container'),
    bytesDone: z.int(),
    itemsPerSecond: z.number().optional().describe('Only while it runs'),
    secondsLeft: z.int().optional().describe('Only while it runs'),
    problem: z.object({ reason: z.string(), message: z.string() }).optional().describe('Why it ended before its end'),
    fileName: z.string().optional(),
    profileId: z.string().optional().describe('Of an archive that came in by an enrollment profile'),
    profileName: z.string().optional(),
    notices: z.array(z.string()).optional().describe('What is odd but not wrong in the container'),
    ...requester,
    createdAt: time,
    source: z
      .string()
      .optional()
      .describe('Where it was fetched from: the URL without its query, or tls://host:port, smtp://host:port'),
    completedAt: time.optional(),
    chains: z
      .array(named('ImportChain', z.object({ indexes: z.array(z.int()), crossSigned: z.array(z.int()).optional() })))
      .optional()
      .describe('How the items belong together, by index: a leaf, then its issuers, nearest first'),
    items: z
      .array(importItem)
      .describe('Of an import by one request; those of a job are listed by /v1/imports/{id}/items, which has both'),
  }),
);
export type Import = z.infer<typeof importAnswer>;

export const importSummary = named('ImportSummary', importAnswer.omit({ items: true, chains: true }));
export type ImportSummary = z.infer<typeof importSummary>;

/** From this size on, an upload is a job: the answer is 202. */
export const MAX_DIRECT_IMPORT_BYTES = 10 * 1024 * 1024;
export const CSV_TYPE = 'text/csv';

const tag = 'imports';
const upload = {
  file: 'The container; at most 10 MiB. A form may repeat the part: its files, at most 100, are one container',
  fields: importFields,
  json: importBody,
};
const larger = {
  ...upload,
  file: `${upload.file}; one alone may have 200 MiB, above 10 MiB PEM or an archive`,
};
const control = { method: 'POST', tag, params: idParams, answers: { 200: importAnswer }, errors: [404, 409] } as const;

export const importOperations = {
  importCertificates: {
    method: 'POST',
    path: '/v1/imports',
    tag,
    summary: 'Import a container of certificates and keys',
    description:
      'Safe to repeat: the second time every item is "unchanged". More than 10 MiB, or anything with `Prefer: respond-async`, is answered 202 when it is kept, with Location; the import goes on afterwards. What is fetched by `url` or `endpoint` is always answered 200.',
    upload: larger,
    headers: { Prefer: '"respond-async" (RFC 7240): answer 202 whatever the size, unless it is fetched' },
    idempotent: true,
    answers: { 200: importAnswer, 202: importAnswer },
    errors: [404, 409],
  },
  listImports: {
    method: 'GET',
    path: '/v1/imports',
    tag,
    summary: 'List imports, newest first: those of one request, jobs, and archives by enrollment profile',
    query: z.object({
      status: importStatus.exclude(['inspected']).optional(),
      limit: page.limit,
      cursor: page.cursor,
      offset: page.offset,
      withTotal: page.withTotal,
    }),
    answers: { 200: named('ImportList', listOf(importSummary)) },
  },
  inspectContainer: {
    method: 'POST',
    path: '/v1/imports/inspect',
    tag,
    summary: 'Say what an import would do, with every certificate’s facts, and keep nothing',
    description: 'With url or endpoint it needs the scope "write", as an import does: the server calls another.',
    upload,
    answers: { 200: importAnswer },
    errors: [404, 409],
  },
  getImport: {
    method: 'GET',
    path: '/v1/imports/{id}',
    tag,
    summary: 'What an import did, or how far it is',
    params: idParams,
    answers: { 200: importAnswer },
    errors: [404],
  },
  listImportItems: {
    method: 'GET',
    path: '/v1/imports/{id}/items',
    tag,
    summary: 'What became of each item, in the order of the container',
    description: 'With `Accept: text/csv` all of them as a table.',
    params: idParams,
    query: z.object({ result: importResult.optional(), limit: page.limit, cursor: page.cursor }),
    headers: { Accept: `"${CSV_TYPE}" for a table` },
    answers: { 200: named('ImportItemList', listOf(importItem)) },
    files: { 200: { kind: 'file', contentTypes: [CSV_TYPE] } },
    errors: [404],
  },
  pauseImport: {
    ...control,
    path: '/v1/imports/{id}/pause',
    summary: 'Stop an import after the items it is at',
  },
  resumeImport: {
    ...control,
    path: '/v1/imports/{id}/resume',
    summary: 'Go on with an import that was paused',
  },
  cancelImport: {
    ...control,
    path: '/v1/imports/{id}/cancel',
    summary: 'End an import; what it has imported stays',
  },
} as const satisfies Operations;
