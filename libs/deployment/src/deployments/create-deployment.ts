import { callContext } from '@certferry/rpc';
import type { DeploymentContext } from '../deployment-context.ts';
import type { Job } from '../jobs/job.ts';
import { checkRecurrence, firstRun, type Recurrence } from '../schedules/recurrence.ts';
import type { Deployment } from './deployment.ts';
import { insertJob } from './insert-job.ts';
import { resolveTargets } from './resolve-targets.ts';

export interface DeploymentRequest extends Deployment {
  /** Not before this time. */
  runAt?: Date;
  recurrence?: Recurrence;
  /** The same again answers the same jobs; empty: every call makes new ones. */
  idempotencyKey: string;
}

/** One job for each target, in their order; they keep who asked for them. */
export async function createDeployment(context: DeploymentContext, request: DeploymentRequest): Promise<Job[]> {
  const { recurrence, runAt, idempotencyKey } = request;
  const targets = await resolveTargets(context, request);
  if (recurrence) checkRecurrence(recurrence);
  const { principal, requestId } = callContext();
  const now = context.clock.now();
  const dueAt = recurrence ? firstRun(recurrence, runAt, now) : later(runAt, now);
  const jobs = targets.map((target, i) => ({
    ...target,
    requestedBy: principal.id,
    requestId,
    ...(idempotencyKey && { requestKey: `${idempotencyKey}:${i}` }),
    ...(recurrence && { recurrence: { ...recurrence, anchor: dueAt }, repeats: true }),
  }));
  const saved = await Promise.all(jobs.map((job) => insertJob(context, job, { now, dueAt })));
  context.saved();
  return saved;
}

const later = (runAt: Date | undefined, now: Date): Date => (runAt && runAt > now ? runAt : now);
