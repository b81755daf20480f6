import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@certferry/core';
import { deploymentV1 } from '@certferry/contracts';
import type { FastifyRequest } from 'fastify';
import type { GatewayContext } from '../gateway-context.ts';
import { callOptions } from '../guards.ts';

const { JobStatus } = deploymentV1;
const FINAL: deploymentV1.JobStatus[] = [JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED, JobStatus.DRIFTED];
const POLL_MS = 25;
const MOST_MS = 45_000;

/** Waits until a job has ended. DEADLINE_EXCEEDED after 45 s: the job goes on and is found by its id. */
export async function waitForJob(
  { services }: GatewayContext,
  request: FastifyRequest,
  id: string,
): Promise<deploymentV1.Job> {
  for (const end = Date.now() + MOST_MS; Date.now() < end; await delay(POLL_MS)) {
    const job = (await services.jobs.getJob({ id }, callOptions(request))).job!;
    if (FINAL.includes(job.status)) return job;
  }
  throw new AppError({
    code: 'DEADLINE_EXCEEDED',
    reason: 'JOB_RUNNING',
    message: `The deployment job ${id} has not ended yet; it goes on.`,
    details: { id },
  });
}
