import { z } from 'zod';
import { named } from './component.ts';
import { change, recurrence } from './deployments.ts';
import type { Operations } from './operation.ts';
import { filter, listOf, page } from './paging.ts';
import { policyFinding } from './policies.ts';
import { flag, idParams, requester, text, time } from './scalars.ts';

export const jobStatus = named(
  'JobStatus',
  z.enum(['scheduled', 'queued', 'running', 'retrying', 'succeeded', 'failed', 'cancelled', 'drifted']),
);
export type JobStatus = z.infer<typeof jobStatus>;

const FINAL: ReadonlySet<JobStatus> = new Set(['succeeded', 'failed', 'cancelled', 'drifted']);

/** Whether a job of this status stays as it is until somebody asks for more. */
export const isFinal = (status: JobStatus): boolean => FINAL.has(status);

export const jobStep = named(
  'JobStep',
  z.enum(['queued', 'leased', 'intent', 'written', 'verified', 'done', 'retry', 'dead', 'drifted', 'cancelled']),
);

export const jobAction = named('JobAction', z.enum(['add', 'remove', 'rollback']));
export const hookStep = named('HookStep', z.enum(['before', 'test', 'reload']));

const hookRun = named(
  'HookRun',
  z.object({
    hook: z.string(),
    step: hookStep,
    again: z.boolean().describe('Whether it ran for the old content, after a rollback'),
    at: time,
    seconds: z.number(),
    exitCode: z.int().describe('-1: it did not end by itself, or could not be started'),
    output: z.string().describe('The end of what it said, without secrets'),
    problem: z.string().optional().describe('Why it failed'),
  }),
);
export type HookRun = z.infer<typeof hookRun>;

export const job = named(
  'Job',
  z.object({
    id: z.string(),
    storeId: z.string(),
    certificateId: z.string(),
    fingerprintSha256: z.string(),
    action: jobAction,
    alias: z.string(),
    overwrite: z.boolean(),
    includePrivateKey: z.boolean(),
    status: jobStatus,
    attempts: z.int(),
    nextRunAt: time.optional().describe('Absent when it runs or is final'),
    timeline: z.array(
      named(
        'JobTimelineEntry',
        z.object({
          at: time,
          step: jobStep,
          status: jobStatus,
          attempt: z.int(),
          message: z.string().optional(),
        }),
      ),
    ),
    error: named('JobError', z.object({ reason: z.string(), message: z.string(), retryable: z.boolean() })).optional(),
    changes: z.array(change).describe('Empty when the store already was as asked'),
    look: z
      .array(
        named(
          'Look',
          z.object({
            address: z.string().describe('Of the store’s endpoints'),
            serverName: z.string().optional(),
            ok: z.boolean().describe('Whether what was written is served'),
            at: time,
            attempts: z.int(),
            fingerprintSha256: z.string().optional().describe('Of what was shown last'),
            subject: z.string().optional(),
            problem: z.string().optional(),
          }),
        ),
      )
      .optional()
      .describe('What the store’s endpoints showed in the end'),
    hookRuns: z.array(hookRun).optional().describe('The last 50'),
    rolledBack: named(
      'RolledBack',
      z.object({ ok: z.boolean(), version: z.int().optional(), changes: z.array(change), message: z.string() }),
    )
      .optional()
      .describe('What was put back after a failed hook or look'),
    number: z.int(),
    recurrence: named('Recurrence', z.object(recurrence)).optional(),
    previousJobId: z.string().optional(),
    findings: z.array(policyFinding).describe('What the last attempt found about its change'),
    forced: z.boolean().describe('Asked for against the store’s policy'),
    allowKeyRemoval: z.boolean(),
    replacesCertificateId: z.string().optional().describe('Of a renewal: the certificate that alone it may replace'),
    ...requester,
    createdAt: time,
    updatedAt: time,
  }),
);
export type Job = z.infer<typeof job>;
export type Look = NonNullable<Job['look']>[number];

const tag = 'jobs';

export const jobOperations = {
  listJobs: {
    method: 'GET',
    path: '/v1/jobs',
    tag,
    summary: 'List jobs, newest first',
    query: z.object({
      status: jobStatus.optional(),
      storeId: text(100).optional(),
      certificateId: text(100).optional(),
      filter: filter.describe('Status -eq "failed" AND Attempts -gt 1'),
      ascending: flag.optional().describe('Oldest first'),
      ...page,
    }),
    answers: { 200: named('JobList', listOf(job)) },
  },
  getJob: {
    method: 'GET',
    path: '/v1/jobs/{id}',
    tag,
    summary: 'Get a job with its timeline',
    params: idParams,
    answers: { 200: job },
    errors: [404],
  },
  cancelJob: {
    method: 'POST',
    path: '/v1/jobs/{id}/cancel',
    tag,
    summary: 'Cancel a job that waits, or hangs',
    params: idParams,
    idempotent: true,
    answers: { 200: job },
    errors: [404],
  },
  retryJob: {
    method: 'POST',
    path: '/v1/jobs/{id}/retry',
    tag,
    summary: 'Queue a failed, cancelled or drifted job again',
    params: idParams,
    idempotent: true,
    answers: { 200: job },
    errors: [404],
  },
} as const satisfies Operations;
