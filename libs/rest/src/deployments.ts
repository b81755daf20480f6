import { z } from 'zod';
import { named } from './component.ts';
import type { Operations } from './operation.ts';
import { heldCertificate, policyFinding } from './policies.ts';
import { text, time, timeInput } from './scalars.ts';

export const deploymentAction = named('DeploymentAction', z.enum(['add', 'remove']));
export type DeploymentAction = z.infer<typeof deploymentAction>;

export const changeOperation = named('ChangeOperation', z.enum(['create', 'replace', 'delete']));
export const change = named(
  'Change',
  z.object({
    operation: changeOperation,
    what: z.string().describe('A file, or an entry of a keystore'),
    oldFingerprintSha256: z.string().describe('Of the leaf before; empty for none'),
    newFingerprintSha256: z.string().describe('Of the leaf after; empty for none'),
  }),
);
export type Change = z.infer<typeof change>;

/** When a deployment is made again. */
export const recurrence = {
  everyMinutes: z.int().optional(),
  daily: z.literal(true).optional(),
  weekdays: z.array(z.int()).optional().describe('0 (Sunday) to 6'),
  dayOfMonth: z.int().optional().describe('1 to 31'),
  cron: text(100).optional().describe('Minute, hour, day of the month, month, day of the week'),
  timeZone: text(100).optional().describe('Where clock times and days are meant: Europe/Berlin; default: UTC'),
};

const schedule = named(
  'Schedule',
  z
    .strictObject({
      at: timeInput.optional().describe('Not before this time; with a repetition: its first run'),
      ...recurrence,
    })
    .describe('At most one of everyMinutes, daily, weekdays, dayOfMonth and cron; without any: once, at "at"'),
);

const target = named(
  'DeploymentTarget',
  z.strictObject({
    storeId: text(100),
    alias: text(200).optional(),
    overwrite: z.boolean().optional(),
    includePrivateKey: z.boolean().optional(),
    thumbprint: text(40).optional().describe('Remove only this certificate (SHA-1)'),
    allowKeyRemoval: z
      .boolean()
      .optional()
      .describe('A certificate without its key may take the place of one with a key'),
    force: z.boolean().optional().describe('Write what the store’s policy refuses; recorded'),
  }),
);

export const deploymentBody = named(
  'DeploymentRequest',
  z
    .strictObject({
      certificateId: text(100).optional().describe('Not needed to remove what an alias holds'),
      certificateName: text(255)
        .optional()
        .describe(
          'To add, instead of the id: the newest valid certificate of this name, with its key where one is needed',
        ),
      action: deploymentAction,
      targets: z.array(target).min(1).max(1_000),
      schedule: schedule.optional(),
      dryRun: z.boolean().optional().describe('Answers the plan and changes nothing'),
    })
    .refine(
      ({ action, certificateId, certificateName }) =>
        action === 'remove'
          ? certificateName === undefined
          : (certificateId === undefined) !== (certificateName === undefined),
      { path: ['certificateId'], message: 'or certificateName is needed to add; only an id goes with remove' },
    ),
);
export type DeploymentRequest = z.input<typeof deploymentBody>;

export const chosenCertificate = named(
  'ChosenCertificate',
  z.object({
    id: z.string(),
    name: z.string(),
    subject: z.string(),
    fingerprintSha256: z.string(),
    notAfter: time,
    hasPrivateKey: z.boolean(),
  }),
);
export type ChosenCertificate = z.infer<typeof chosenCertificate>;
const certificate = chosenCertificate.optional().describe('The one that the name stood for');

export const deployment = named(
  'Deployment',
  z.object({ jobs: z.array(z.object({ id: z.string(), storeId: z.string() })), certificate }),
);
export type Deployment = z.infer<typeof deployment>;
export const deploymentPlan = named(
  'DeploymentPlan',
  z.object({
    plan: z.array(
      z.object({
        storeId: z.string(),
        changes: z.array(change),
        problem: z.string().optional().describe('Why the job would fail'),
        findings: z.array(policyFinding),
        held: heldCertificate.optional().describe('What its place holds now'),
        hooks: z.array(z.string()).describe('That would run around the write, in order: nginx test'),
      }),
    ),
    certificate,
  }),
);
export type DeploymentPlan = z.infer<typeof deploymentPlan>;

export const deploymentOperations = {
  createDeployment: {
    method: 'POST',
    path: '/v1/deployments',
    tag: 'deployments',
    summary: 'Deploy a certificate to stores, or remove it from them',
    description: 'Answers 200 and the plan with dryRun, else 202 and the jobs.',
    body: deploymentBody,
    idempotent: true,
    answers: { 200: deploymentPlan, 202: deployment },
    errors: [404],
  },
} as const satisfies Operations;
