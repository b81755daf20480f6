import { z } from 'zod';
import { named } from './component.ts';
import { stringMap } from './scalars.ts';

export const problemDetails = named(
  'Problem',
  z
    .object({
      type: z.string(),
      title: z.string(),
      status: z.int(),
      detail: z.string().describe('For people'),
      reason: z.string().describe('Stable name of the cause, for programs'),
      requestId: z.string().describe('Under which the server logged it; as the header X-Request-Id'),
      details: stringMap.optional().describe('Values behind the detail'),
    })
    .describe('RFC 9457 problem details; reason is stable.'),
);
/** RFC 9457 problem details; `reason` is for programs, `detail` for people. */
export type ProblemDetails = z.infer<typeof problemDetails>;

/** An answer that is an error, as an Error. */
export class Problem extends Error {
  readonly status: number;
  /** Stable UPPER_SNAKE name of the cause; empty when the answer was not Certferry's (a proxy's). */
  readonly reason: string;
  readonly detail: string;
  readonly requestId: string;
  readonly details: Record<string, string>;
  /** Seconds to wait before the next try, where the server said so. */
  readonly retryAfter: number | undefined;

  constructor(problem: Omit<ProblemDetails, 'type' | 'title'>, retryAfter?: number) {
    super(problem.detail);
    this.name = 'Problem';
    this.status = problem.status;
    this.reason = problem.reason;
    this.detail = problem.detail;
    this.requestId = problem.requestId;
    this.details = problem.details ?? {};
    this.retryAfter = retryAfter;
  }
}
