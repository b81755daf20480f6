import { deploymentV1 } from '@certferry/contracts';
import {
  changeOperation,
  hookStep,
  jobStep,
  policyFinding,
  type Change,
  type HookRun,
  type Job,
  type JobStatus,
  type Look,
  type PolicyFinding,
} from '@certferry/rest';
import { iso, present, requesterToJson } from './json-values.ts';

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
const NAMES = new Map(Object.entries(STATUSES).map(([name, status]) => [status, name as JobStatus]));

export const statusFromJson = (status: JobStatus): deploymentV1.JobStatus => STATUSES[status];
export const statusToJson = (status: deploymentV1.JobStatus): JobStatus => NAMES.get(status)!;

export const changeToJson = ({ operation, ...rest }: deploymentV1.Change): Change => ({
  ...rest,
  operation: changeOperation.parse(operation),
});

export const findingToJson = (finding: deploymentV1.PolicyFinding): PolicyFinding => policyFinding.parse(finding);

const recurrenceToJson = (from: deploymentV1.Recurrence) => ({
  ...(from.everyMinutes > 0 && { everyMinutes: from.everyMinutes }),
  ...(from.daily && { daily: true as const }),
  ...(from.weekdays.length > 0 && { weekdays: from.weekdays }),
  ...(from.dayOfMonth > 0 && { dayOfMonth: from.dayOfMonth }),
  cron: present(from.cron),
  timeZone: present(from.timeZone),
});

const lookToJson = ({ at, serverName, fingerprintSha256, subject, problem, ...rest }: deploymentV1.Look): Look => ({
  ...rest,
  at: iso(at),
  serverName: present(serverName),
  fingerprintSha256: present(fingerprintSha256),
  subject: present(subject),
  problem: present(problem),
});

const { ADD, REMOVE, ROLLBACK } = deploymentV1.DeploymentAction;
const ACTIONS: Partial<Record<deploymentV1.DeploymentAction, Job['action']>> = {
  [ADD]: 'add',
  [REMOVE]: 'remove',
  [ROLLBACK]: 'rollback',
};

const hookRunToJson = ({ at, step, problem, ...rest }: deploymentV1.HookRun): HookRun => ({
  ...rest,
  at: iso(at),
  step: hookStep.parse(step),
  problem: present(problem),
});

export function jobToJson(from: deploymentV1.Job): Job {
  const {
    action,
    status,
    nextRunAt,
    timeline,
    changes,
    findings,
    createdAt,
    updatedAt,
    recurrence,
    previousJobId,
    look,
    replacesCertificateId,
    hookRuns,
    rolledBack,
    ...rest
  } = from;
  return {
    ...rest,
    recurrence: recurrence && recurrenceToJson(recurrence),
    previousJobId: present(previousJobId),
    replacesCertificateId: present(replacesCertificateId),
    ...requesterToJson(from),
    action: ACTIONS[action] ?? 'add',
    hookRuns: present(hookRuns.map(hookRunToJson)),
    rolledBack: rolledBack && {
      ...rolledBack,
      version: rolledBack.version || undefined,
      changes: rolledBack.changes.map(changeToJson),
    },
    status: statusToJson(status),
    nextRunAt: nextRunAt && iso(nextRunAt),
    timeline: timeline.map((entry) => ({
      ...entry,
      at: iso(entry.at),
      status: statusToJson(entry.status),
      step: jobStep.parse(entry.step),
      message: present(entry.message),
    })),
    changes: changes.map(changeToJson),
    look: present(look.map(lookToJson)),
    findings: findings.map(findingToJson),
    createdAt: iso(createdAt),
    updatedAt: iso(updatedAt),
  };
}
