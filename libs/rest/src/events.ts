import { z } from 'zod';
import { named } from './component.ts';
import { jobStatus } from './jobs.ts';
import type { Operations } from './operation.ts';
import { text, time } from './scalars.ts';

const certificateChanged = named(
  'CertificateChanged',
  z.object({
    certificateId: z.string(),
    fingerprintSha256: z.string().describe('Empty when it was deleted'),
    changes: z.array(z.string()).describe('Of an update: which fields'),
  }),
);
const jobStatusChanged = named(
  'JobStatusChanged',
  z.object({
    jobId: z.string(),
    storeId: z.string(),
    certificateId: z.string(),
    status: jobStatus,
    sequence: z.int().describe('Counts the job’s events from 1 without a gap'),
    attempt: z.int(),
    reason: z.string().describe('Of the error; empty when there is none'),
    message: z.string(),
  }),
);
const importChanged = named(
  'ImportChanged',
  z.object({
    importId: z.string(),
    status: z.enum(['pending', 'completed', 'failed', 'cancelled']).describe('As the last word of the event’s type'),
    total: z.int(),
    failed: z.int(),
  }),
);

export const event = named(
  'Event',
  z
    .object({
      specversion: z.literal('1.0'),
      id: z.string().describe('Stable: drop an id that was seen before'),
      source: z.literal('certferry'),
      type: z.string().describe('certferry.<area>.<entity>.<past tense>'),
      subject: z.string().describe('Id of what it is about'),
      time,
      datacontenttype: z.literal('application/json'),
      data: z.union([jobStatusChanged, certificateChanged, importChanged]),
    })
    .describe('CloudEvents 1.0'),
);
export type Event = z.infer<typeof event>;

export const eventOperations = {
  listenToEvents: {
    method: 'GET',
    path: '/v1/events',
    tag: 'events',
    summary: 'Listen to events (server-sent events); resumes with Last-Event-ID',
    description:
      'From now on; with the id of an event from the one after it. The id of each message is the event’s, its event the type, its data the event as JSON.',
    query: z.object({
      types: text(1_000).optional().describe('Beginnings of types, separated by commas: certferry.deployment.job'),
      lastEventId: text(100).optional().describe('As the header Last-Event-ID'),
    }),
    headers: { 'Last-Event-ID': 'Begin after the event with this id' },
    answers: { 200: { kind: 'stream', event } },
  },
} as const satisfies Operations;
