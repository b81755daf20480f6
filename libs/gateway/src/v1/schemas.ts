import { z } from 'zod';

const text = (max: number) => z.string().max(max);
const time = z.string().describe('RFC 3339, UTC');

export const idParams = z.object({ id: text(100) });
export const page = {
  limit: z.coerce.number().int().optional().describe('1 to 500, default 50'),
  cursor: text(2_000).optional().describe('nextCursor of the page before'),
  offset: z.coerce.number().int().optional().describe('Items to pass over, instead of a cursor'),
  withTotal: z.stringbool().optional().describe('Also count all that match, as total'),
};
export const filter = text(10_000).optional();

export const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number(),
    detail: z.string(),
    reason: z.string(),
    requestId: z.string(),
    details: z.record(z.string(), z.string()).optional(),
  })
  .describe('RFC 9457 problem; reason is stable.');

const pss = z.object({ digest: z.string(), maskDigest: z.string(), saltLength: z.number() });

export const certificateExtension = z.object({
  oid: z.string(),
  name: z.string().optional().describe('Absent if there is no name for it'),
  critical: z.boolean(),
  value: z.string().describe('DER in base64'),
  text: z.array(z.string()).optional().describe('What it says; absent if it is unknown'),
});

export const certificate = z.object({
  id: z.string(),
  name: z.string(),
  subject: z.string().describe('RFC 4514'),
  issuer: z.string(),
  commonName: z.string(),
  serialNumber: z.string().describe('Upper-case hexadecimal'),
  notBefore: time,
  notAfter: time,
  subjectAlternativeNames: z.array(z.object({ type: z.string(), value: z.string() })),
  keyAlgorithm: z.string(),
  keySize: z.number().describe('Bits'),
  curve: z.string().optional(),
  signatureAlgorithm: z.string(),
  signaturePss: pss.optional().describe('Parameters of an RSASSA-PSS signature'),
  keyPss: pss.optional().describe('What an RSASSA-PSS key is restricted to'),
  nonMinimalDer: z.boolean().optional().describe('Whether its encoding is longer than DER allows'),
  keyUsages: z.array(z.string()),
  extendedKeyUsages: z.array(z.string()),
  basicConstraints: z.object({ certificateAuthority: z.boolean(), pathLength: z.number().optional() }).optional(),
  subjectKeyIdentifier: z.string(),
  authorityKeyIdentifier: z.string(),
  thumbprint: z.string().describe('SHA-1, upper-case hexadecimal'),
  fingerprintSha256: z.string().describe('Lower-case hexadecimal'),
  notes: z.string(),
  metadata: z.record(z.string(), z.string()),
  tags: z.array(z.string()),
  enabled: z.boolean(),
  hasPrivateKey: z.boolean(),
  number: z.number().describe('Small and never used twice, beside the id'),
  filePath: z.string().optional().describe('The file it was taken from by reference'),
  createdBy: z.string().optional().describe('Id of the API key'),
  createdAt: time,
  updatedAt: time,
  chain: z
    .array(z.object({ certificateId: z.string(), subject: z.string(), fingerprintSha256: z.string() }))
    .optional()
    .describe('Known issuers, nearest first; only of a single certificate'),
  extensions: z.array(certificateExtension).optional().describe('All of them, in words; only of a single certificate'),
});

export const validation = z.object({
  valid: z.boolean(),
  errors: z.array(z.string()),
  warnings: z.array(z.string()),
});

export const certificateFacts = certificate.pick({
  subject: true,
  issuer: true,
  commonName: true,
  serialNumber: true,
  notBefore: true,
  notAfter: true,
  subjectAlternativeNames: true,
  keyAlgorithm: true,
  keySize: true,
  curve: true,
  signatureAlgorithm: true,
  signaturePss: true,
  keyPss: true,
  nonMinimalDer: true,
  keyUsages: true,
  extendedKeyUsages: true,
  basicConstraints: true,
  subjectKeyIdentifier: true,
  authorityKeyIdentifier: true,
  thumbprint: true,
  fingerprintSha256: true,
  extensions: true,
});

export const importFields = {
  password: text(1_000).optional(),
  keyPassword: text(1_000).optional().describe('Of the keys, where it is not the container’s'),
  name: text(255).optional(),
  notes: text(10_000).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  tags: z.array(z.string()).optional(),
  firstOfPem: z
    .boolean()
    .optional()
    .describe('Of a PEM file only the first certificate; keys and the rest are passed over'),
  createOnly: z.boolean().optional().describe('What is there already fails with CERTIFICATE_EXISTS'),
  formats: z
    .array(z.enum(['pem', 'der', 'pkcs12', 'pkcs7', 'jks', 'jceks']))
    .optional()
    .describe('Refuse others; default: all'),
};

export const importBody = z
  .strictObject({
    contentBase64: z.base64().optional().describe('The container; at most 10 MiB decoded'),
    filePath: text(4_096).optional().describe('Instead of contentBase64: a file below CERTFERRY_FILES_ROOT'),
    ...importFields,
  })
  .refine(
    (body) => (body.contentBase64 === undefined) !== (body.filePath === undefined),
    'needs either contentBase64 or filePath',
  );

export const importAnswer = z.object({
  id: z.string().describe('Empty for an inspection'),
  status: z.enum(['completed', 'inspected']),
  format: z.string(),
  notices: z.array(z.string()).optional().describe('What is odd but not wrong in the container'),
  createdAt: time,
  chains: z
    .array(z.object({ indexes: z.array(z.number()), crossSigned: z.array(z.number()).optional() }))
    .optional()
    .describe('How the items belong together, by index: a leaf, then its issuers, nearest first'),
  items: z.array(
    z.object({
      index: z.number().describe('Position in the container'),
      result: z.enum(['created', 'updated', 'unchanged', 'failed']),
      certificateId: z.string().optional(),
      certificateNumber: z.number().optional(),
      issuer: z.boolean().describe('Whether another certificate of the container was issued by this one'),
      fingerprintSha256: z.string().optional(),
      subject: z.string().optional(),
      hasPrivateKey: z.boolean(),
      changes: z.array(z.string()).optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      findings: z
        .array(z.object({ code: z.string(), message: z.string() }))
        .optional()
        .describe('What is odd about it and no reason to refuse it'),
      certificate: certificateFacts.optional().describe('Only of an inspection'),
    }),
  ),
});

export const certificatePatch = z.strictObject({
  name: text(255).optional(),
  notes: text(10_000).optional(),
  metadata: z.record(z.string(), z.string()).optional().describe('Replaces all'),
  tags: z.array(z.string()).optional().describe('Replaces all'),
  enabled: z.boolean().optional(),
});

const config = z.record(z.string(), z.unknown());
const labels = z.record(z.string(), z.string());

export const storeKind = z.object({
  kind: z.string(),
  title: z.string(),
  description: z.string(),
  operations: z.array(z.string()),
  alias: z.string(),
  configSchema: config,
});
export const store = z.object({
  id: z.string(),
  name: z.string(),
  kind: z.string(),
  config,
  labels,
  createdAt: time,
  updatedAt: time,
});
export const storeDraft = z.strictObject({ name: text(200), kind: text(100), config, labels: labels.optional() });
export const storePatch = z.strictObject({
  name: text(200).optional(),
  config: config.optional().describe('Replaces all; secrets that are left out stay'),
  labels: labels.optional(),
});
export const storeTest = z.object({
  ok: z.boolean(),
  checks: z.array(z.object({ name: z.string(), ok: z.boolean(), message: z.string() })),
});
export const storeEntry = z.object({
  alias: z.string(),
  fingerprintSha256: z.string(),
  thumbprint: z.string(),
  subject: z.string(),
  notAfter: time,
  hasPrivateKey: z.boolean(),
  chainLength: z.number(),
  certificate: certificateFacts.extend({ der: z.string().describe('Base64') }),
  chain: z.array(certificateFacts.extend({ der: z.string() })).describe('What follows the leaf, nearest issuer first'),
});
export const storeQuery = z.object({ filter: filter.describe('Name -eq "web" AND label.rack -eq "7"'), ...page });

const change = z.object({
  operation: z.string(),
  what: z.string(),
  oldFingerprintSha256: z.string(),
  newFingerprintSha256: z.string(),
});

const schedule = z
  .strictObject({
    at: z.iso.datetime({ offset: true }).optional().describe('Not before this time; with a repetition: its first run'),
    everyMinutes: z.number().int().optional(),
    daily: z.literal(true).optional(),
    weekdays: z.array(z.number().int()).optional().describe('0 (Sunday) to 6'),
    dayOfMonth: z.number().int().optional().describe('1 to 31'),
  })
  .describe('At most one of everyMinutes, daily, weekdays and dayOfMonth; without any: once, at "at"');

export const deploymentBody = z
  .strictObject({
    certificateId: text(100).optional().describe('Not needed to remove what an alias holds'),
    action: z.enum(['add', 'remove']),
    targets: z
      .array(
        z.strictObject({
          storeId: text(100),
          alias: text(200).optional(),
          overwrite: z.boolean().optional(),
          includePrivateKey: z.boolean().optional(),
          thumbprint: text(40).optional().describe('Remove only this certificate (SHA-1)'),
        }),
      )
      .min(1)
      .max(1_000),
    schedule: schedule.optional(),
    dryRun: z.boolean().optional().describe('Answers the plan and changes nothing'),
  })
  .refine(({ action, certificateId }) => action === 'remove' || certificateId !== undefined, {
    path: ['certificateId'],
    message: 'is needed to add',
  });
export const deploymentAnswer = z.object({ jobs: z.array(z.object({ id: z.string(), storeId: z.string() })) });
export const deploymentPlan = z.object({
  plan: z.array(z.object({ storeId: z.string(), changes: z.array(change), problem: z.string().optional() })),
});

export const JOB_STATUSES = [
  'scheduled',
  'queued',
  'running',
  'retrying',
  'succeeded',
  'failed',
  'cancelled',
  'drifted',
] as const;
const jobStatus = z.enum(JOB_STATUSES);

export const job = z.object({
  id: z.string(),
  storeId: z.string(),
  certificateId: z.string(),
  fingerprintSha256: z.string(),
  action: z.enum(['add', 'remove']),
  alias: z.string(),
  overwrite: z.boolean(),
  includePrivateKey: z.boolean(),
  status: jobStatus,
  attempts: z.number(),
  nextRunAt: time.optional(),
  timeline: z.array(
    z.object({ at: time, step: z.string(), status: jobStatus, attempt: z.number(), message: z.string().optional() }),
  ),
  error: z.object({ reason: z.string(), message: z.string(), retryable: z.boolean() }).optional(),
  changes: z.array(change),
  number: z.number(),
  recurrence: schedule.omit({ at: true }).optional(),
  previousJobId: z.string().optional(),
  createdAt: time,
  updatedAt: time,
});
export const jobQuery = z.object({
  status: jobStatus.optional(),
  storeId: text(100).optional(),
  certificateId: text(100).optional(),
  filter: filter.describe('Status -eq "failed" AND Attempts -gt 1'),
  ascending: z.stringbool().optional().describe('Oldest first'),
  ...page,
});

export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().optional(), total: z.number().optional() });
