import { deploymentV1 } from '@certferry/contracts';
import type { Target } from './create-deployment.ts';
import { configSchema, type StoreDriver, type StoreEntry } from '@certferry/store-drivers';
import type { Job, JobStatus } from './job.ts';
import type { Recurrence } from './recurrence.ts';
import type { Store } from './store.ts';

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

export function fromStatus(status: deploymentV1.JobStatus | undefined): JobStatus | undefined {
  return Object.entries(STATUSES).find(([, value]) => value === status)?.[0] as JobStatus | undefined;
}

export function toJob(job: Job): deploymentV1.Job {
  const {
    _id: id,
    storeId,
    certificateId,
    fingerprintSha256,
    alias,
    overwrite,
    includePrivateKey,
    attempts,
    changes,
    error,
    createdAt,
    updatedAt,
  } = job;
  const waits = job.state === 'queued' || job.state === 'retry';
  return {
    id,
    storeId,
    certificateId,
    fingerprintSha256,
    action: job.action === 'add' ? deploymentV1.DeploymentAction.ADD : deploymentV1.DeploymentAction.REMOVE,
    alias,
    overwrite,
    includePrivateKey,
    status: STATUSES[job.status],
    attempts,
    nextRunAt: waits ? job.dueAt : undefined,
    timeline: job.timeline.map((entry) => ({ ...entry, status: STATUSES[entry.status] })),
    error,
    changes,
    createdAt,
    updatedAt,
    number: job.number,
    recurrence: job.recurrence && toRecurrence(job.recurrence),
    previousJobId: job.previousJobId ?? '',
    requestedBy: job.requestedBy ?? '',
    requestId: job.requestId ?? '',
  };
}

export function toStore({ _id: id, name, kind, config, labels, createdAt, updatedAt }: Store): deploymentV1.Store {
  return {
    id,
    name,
    kind,
    config,
    labels: Object.fromEntries(labels.map(({ key, value }) => [key, value])),
    createdAt,
    updatedAt,
  };
}

export function toStoreKind(driver: StoreDriver): deploymentV1.StoreKind {
  return {
    kind: driver.kind,
    title: driver.title,
    description: driver.description,
    operations: ['add', 'remove'],
    alias: driver.alias,
    configSchema: configSchema(driver),
  };
}

export function toEntry({ alias, hasPrivateKey, chain, der, facts }: StoreEntry): deploymentV1.StoreEntry {
  const { fingerprintSha256, thumbprint, subject, notAfter } = facts;
  return {
    alias,
    fingerprintSha256,
    thumbprint,
    subject,
    notAfter,
    hasPrivateKey,
    chainLength: chain.length,
    certificate: { der, facts },
    chain,
  };
}

export function fromTarget(target: deploymentV1.DeploymentTarget): Target {
  return { ...target, thumbprint: target.thumbprint || undefined };
}

export function fromRecurrence(from: deploymentV1.Recurrence | undefined): Recurrence | undefined {
  if (!from) return undefined;
  const { everyMinutes, daily, weekdays, dayOfMonth } = from;
  return {
    ...(everyMinutes !== 0 && { everyMinutes }),
    ...(daily && { daily }),
    ...(weekdays.length > 0 && { weekdays }),
    ...(dayOfMonth !== 0 && { dayOfMonth }),
  };
}

const toRecurrence = ({ everyMinutes, daily, weekdays, dayOfMonth }: Recurrence): deploymentV1.Recurrence => ({
  everyMinutes: everyMinutes ?? 0,
  daily: daily ?? false,
  weekdays: weekdays ?? [],
  dayOfMonth: dayOfMonth ?? 0,
});
