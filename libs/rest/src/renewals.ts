import { z } from 'zod';
import { named } from './component.ts';
import { change, chosenCertificate } from './deployments.ts';
import { jobStatus } from './jobs.ts';
import type { Operations } from './operation.ts';
import { listOf } from './paging.ts';
import { text, time } from './scalars.ts';
import { renewalMode } from './stores.ts';

const place = {
  storeId: z.string(),
  storeName: z.string(),
  alias: z.string().describe('Empty for kinds without aliases'),
  replacesCertificateId: z.string().describe('What is there'),
  certificateId: z.string().describe('What is to be there'),
  mode: renewalMode,
  dueAt: time.describe('Not before this time: the newer one is valid, and the lead time of the store begins'),
};

export const renewal = named(
  'Renewal',
  z.object({
    ...place,
    jobId: z.string().optional().describe('The last job that was to do it'),
    jobStatus: jobStatus.optional(),
  }),
);
export type Renewal = z.infer<typeof renewal>;

export const renewalPlan = named(
  'RenewalPlan',
  z.object({
    certificate: chosenCertificate,
    plan: z.array(
      z.object({
        ...place,
        changes: z.array(change),
        problem: z.string().optional().describe('Why the job would fail'),
        leftAlone: z.literal(true).optional().describe('The store says "never", and was not named'),
      }),
    ),
  }),
);
export type RenewalPlan = z.infer<typeof renewalPlan>;

const renewed = named(
  'Renewed',
  z.object({ certificate: chosenCertificate, jobs: z.array(z.object({ id: z.string(), storeId: z.string() })) }),
);

const renewalBody = named(
  'RenewalRequest',
  z
    .strictObject({
      certificateId: text(100).optional().describe('The newer certificate'),
      certificateName: text(255).optional().describe('The newest valid certificate of this name'),
      storeIds: z.array(text(100)).max(1_000).optional().describe('Only these, whatever they say of renewals'),
      dryRun: z.boolean().optional().describe('Answers the plan and changes nothing'),
    })
    .refine(({ certificateId, certificateName }) => (certificateId === undefined) !== (certificateName === undefined), {
      path: ['certificateId'],
      message: 'or certificateName is needed, one of them',
    }),
);

export const renewalOperations = {
  renewCertificate: {
    method: 'POST',
    path: '/v1/deployments/renew',
    tag: 'deployments',
    summary: 'Put a certificate wherever one is that it replaces, under the same alias, with its key',
    description:
      'Answers 200 and the plan with dryRun, else 202 and the jobs. A job replaces that certificate and no other; of one that is not valid yet it waits until it is.',
    body: renewalBody,
    idempotent: true,
    answers: { 200: renewalPlan, 202: renewed },
    errors: [404],
  },
  listRenewals: {
    method: 'GET',
    path: '/v1/renewals',
    tag: 'deployments',
    summary: 'Places whose certificate a newer one replaces, unless their store says "never"',
    query: z.object({ certificateId: text(100).optional().describe('Only by this one') }),
    answers: { 200: named('RenewalList', listOf(renewal)) },
  },
} as const satisfies Operations;
