import { z } from 'zod';

const text = (max: number) => z.string().max(max);
const time = z.string().describe('RFC 3339, UTC');

export const idParams = z.object({ id: text(100) });
export const page = {
  limit: z.coerce.number().int().optional().describe('1 to 500, default 50'),
  cursor: text(2_000).optional().describe('nextCursor of the page before'),
};

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
  createdAt: time,
  updatedAt: time,
  chain: z
    .array(z.object({ certificateId: z.string(), subject: z.string(), fingerprintSha256: z.string() }))
    .optional()
    .describe('Known issuers, nearest first; only of a single certificate'),
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
  keyUsages: true,
  extendedKeyUsages: true,
  basicConstraints: true,
  subjectKeyIdentifier: true,
  authorityKeyIdentifier: true,
  thumbprint: true,
  fingerprintSha256: true,
});

export const importFields = {
  password: text(1_000).optional(),
  name: text(200).optional(),
  notes: text(10_000).optional(),
  metadata: z.record(z.string(), z.string()).optional(),
  tags: z.array(z.string()).optional(),
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
  items: z.array(
    z.object({
      index: z.number().describe('Position in the container'),
      result: z.enum(['created', 'updated', 'unchanged', 'failed']),
      certificateId: z.string().optional(),
      fingerprintSha256: z.string().optional(),
      subject: z.string().optional(),
      hasPrivateKey: z.boolean(),
      changes: z.array(z.string()).optional(),
      reason: z.string().optional(),
      message: z.string().optional(),
      certificate: certificateFacts.optional().describe('Only of an inspection'),
    }),
  ),
});

export const certificatePatch = z.strictObject({
  name: text(200).optional(),
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
});

const change = z.object({
  operation: z.string(),
  what: z.string(),
  oldFingerprintSha256: z.string(),
  newFingerprintSha256: z.string(),
});

export const deploymentBody = z.strictObject({
  certificateId: text(100),
  action: z.enum(['add', 'remove']),
  targets: z
    .array(
      z.strictObject({
        storeId: text(100),
        alias: text(200).optional(),
        overwrite: z.boolean().optional(),
        includePrivateKey: z.boolean().optional(),
      }),
    )
    .min(1)
    .max(1_000),
  schedule: z
    .strictObject({ at: z.iso.datetime({ offset: true }) })
    .optional()
    .describe('Not before this time; without it: now'),
  dryRun: z.boolean().optional().describe('Answers the plan and changes nothing'),
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
  createdAt: time,
  updatedAt: time,
});
export const jobQuery = z.object({
  status: jobStatus.optional(),
  storeId: text(100).optional(),
  certificateId: text(100).optional(),
  ...page,
});

export const listOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), nextCursor: z.string().optional() });
