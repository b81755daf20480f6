import { deploymentV1 } from '@certferry/contracts';
import { toRecurrence } from '../schedules/mapping.ts';
import type { Job, JobStatus } from './job.ts';

const { DeploymentAction } = deploymentV1;

const ACTIONS: Record<Job['action'], deploymentV1.DeploymentAction> = {
  add: DeploymentAction.ADD,
  remove: DeploymentAction.REMOVE,
  rollback: DeploymentAction.ROLLBACK,
};

const STATUSES: Record<JobStatus, deploymentV1.JobStatus> = {
  scheduled: deploymentV1.JobStatus.SCHEDULED,
  queued: deploymentV1.JobStatus.QUEUED,
  running: deploymentV1.JobStatus.RUNNING,
  retrying: deploymentV1.JobStatus.RETRYING,
  succeeded: deploymentV1.JobStatus.SUCCEEDED,
  failed: deploymentV1.JobStatus.FAILED,
  cancelled: deploymentV1.JobStatus.CANCELLED,
  drifted: deploymentV1.JobStatus.DRIFTED,
};

export function fromStatus(status: deploymentV1.JobStatus): JobStatus | undefined {
  return Object.entries(STATUSES).find(([, value]) => value === status)?.[0] as JobStatus | undefined;
}

export const toStatus = (status: JobStatus): deploymentV1.JobStatus => STATUSES[status];

export function toJob(job: Job): deploymentV1.Job {
  const waits = job.state === 'queued' || job.state === 'retry';
  return {
    id: job._id,
    storeId: job.storeId,
    certificateId: job.certificateId,
    fingerprintSha256: job.fingerprintSha256,
    action: ACTIONS[job.action],
    alias: job.alias,
    overwrite: job.overwrite,
    includePrivateKey: job.includePrivateKey,
    status: STATUSES[job.status],
    attempts: job.attempts,
    nextRunAt: waits ? job.dueAt : undefined,
    timeline: job.timeline.map((entry) => ({ ...entry, status: STATUSES[entry.status] })),
    error: job.error,
    changes: job.changes,
    createdAt: job.createdAt,
    updatedAt: job.updatedAt,
    number: job.number,
    recurrence: job.recurrence && toRecurrence(job.recurrence),
    previousJobId: job.previousJobId ?? '',
    requestedBy: job.requestedBy ?? '',
    requestId: job.requestId ?? '',
    look: job.look ?? [],
    hookRuns: job.hookRuns ?? [],
    rolledBack: job.rolledBack,
    findings: job.findings ?? [],
    forced: job.forced ?? false,
    allowKeyRemoval: job.allowKeyRemoval ?? false,
    replacesCertificateId: job.replaces?.certificateId ?? '',
  };
}
