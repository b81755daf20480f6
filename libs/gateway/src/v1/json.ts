import { deploymentV1, inventoryV1, type commonV1 } from '@certferry/contracts';
import type { z } from 'zod';
import type { certificate, certificateFacts, importAnswer, job, JOB_STATUSES, store, storeEntry } from './schemas.ts';

type JobStatus = (typeof JOB_STATUSES)[number];

const iso = (date: Date | undefined): string => date?.toISOString() ?? '';
/** Members that say nothing are left out. */
const present = <T>(value: T): T | undefined =>
  value === '' || (Array.isArray(value) && value.length === 0) ? undefined : value;

export function factsToJson(facts: commonV1.CertificateFacts): z.infer<typeof certificateFacts> {
  const {
    publicKeySha256: _,
    selfIssued: _s,
    version: _v,
    droppedNames: _d,
    notBefore,
    notAfter,
    curve,
    basicConstraints,
    nonMinimalDer,
    ...rest
  } = facts;
  return {
    ...rest,
    curve: present(curve),
    notBefore: iso(notBefore),
    notAfter: iso(notAfter),
    basicConstraints,
    nonMinimalDer: nonMinimalDer || undefined,
  };
}

const extensionToJson = ({ oid, name, critical, value, text }: commonV1.CertificateExtension) => ({
  oid,
  name: present(name),
  critical,
  value: Buffer.from(value).toString('base64'),
  text: present(text),
});

export function certificateToJson(from: inventoryV1.Certificate, withChain = false): z.infer<typeof certificate> {
  const { facts, createdAt, updatedAt, chain, extensions, filePath, createdBy, ...rest } = from;
  return {
    ...rest,
    filePath: present(filePath),
    createdBy: present(createdBy),
    ...factsToJson(facts!),
    createdAt: iso(createdAt),
    updatedAt: iso(updatedAt),
    ...(withChain && { chain, extensions: extensions.map(extensionToJson) }),
  };
}

const RESULTS: Record<inventoryV1.ImportResult, 'created' | 'updated' | 'unchanged' | 'failed'> = {
  [inventoryV1.ImportResult.UNSPECIFIED]: 'failed',
  [inventoryV1.ImportResult.CREATED]: 'created',
  [inventoryV1.ImportResult.UPDATED]: 'updated',
  [inventoryV1.ImportResult.UNCHANGED]: 'unchanged',
  [inventoryV1.ImportResult.FAILED]: 'failed',
};

export function importToJson(from: inventoryV1.Import): z.infer<typeof importAnswer> {
  const items = from.items.map(
    ({
      facts,
      result,
      certificateId,
      certificateNumber,
      fingerprintSha256,
      subject,
      changes,
      reason,
      message,
      findings,
      extensions,
      ...rest
    }) => ({
      ...rest,
      result: RESULTS[result],
      certificateId: present(certificateId),
      certificateNumber: certificateNumber || undefined,
      fingerprintSha256: present(fingerprintSha256),
      subject: present(subject),
      changes: present(changes),
      reason: present(reason),
      message: present(message),
      findings: present(findings),
      certificate: facts && { ...factsToJson(facts), extensions: present(extensions.map(extensionToJson)) },
    }),
  );
  return {
    id: from.id,
    status: from.status as 'completed' | 'inspected',
    format: from.format,
    notices: present(from.notices),
    createdAt: iso(from.createdAt),
    chains: present(from.chains.map(({ indexes, crossSigned }) => ({ indexes, crossSigned: present(crossSigned) }))),
    items,
  };
}

export function storeToJson({ config, createdAt, updatedAt, ...rest }: deploymentV1.Store): z.infer<typeof store> {
  return { ...rest, config: config ?? {}, createdAt: iso(createdAt), updatedAt: iso(updatedAt) };
}

const entryCertificateToJson = ({ der, facts }: deploymentV1.EntryCertificate) => ({
  ...factsToJson(facts!),
  der: Buffer.from(der).toString('base64'),
});

export function entryToJson({
  notAfter,
  certificate,
  chain,
  ...rest
}: deploymentV1.StoreEntry): z.infer<typeof storeEntry> {
  return {
    ...rest,
    notAfter: iso(notAfter),
    certificate: entryCertificateToJson(certificate!),
    chain: chain.map(entryCertificateToJson),
  };
}

const recurrenceToJson = ({ everyMinutes, daily, weekdays, dayOfMonth }: deploymentV1.Recurrence) => ({
  ...(everyMinutes > 0 && { everyMinutes }),
  ...(daily && { daily: true as const }),
  ...(weekdays.length > 0 && { weekdays }),
  ...(dayOfMonth > 0 && { dayOfMonth }),
});

/** A list as its answer: the cursor only where there is a next page. */
export function pageToJson<T, J>(
  { items, nextCursor, total }: { items: T[]; nextCursor: string; total?: number },
  toJson: (item: T) => J,
): { items: J[]; nextCursor?: string; total?: number } {
  return { items: items.map((item) => toJson(item)), nextCursor: present(nextCursor), total };
}

const STATUS_NAMES = Object.fromEntries(
  Object.entries(deploymentV1.JobStatus).map(([name, value]) => [value, name.toLowerCase()]),
) as Record<deploymentV1.JobStatus, JobStatus>;

export function jobToJson(from: deploymentV1.Job): z.infer<typeof job> {
  const { action, status, nextRunAt, timeline, createdAt, updatedAt, recurrence, previousJobId, ...rest } = from;
  return {
    ...rest,
    recurrence: recurrence && recurrenceToJson(recurrence),
    previousJobId: present(previousJobId),
    action: action === deploymentV1.DeploymentAction.REMOVE ? 'remove' : 'add',
    status: STATUS_NAMES[status],
    nextRunAt: nextRunAt && iso(nextRunAt),
    timeline: timeline.map((entry) => ({
      ...entry,
      at: iso(entry.at),
      status: STATUS_NAMES[entry.status],
      message: present(entry.message),
    })),
    createdAt: iso(createdAt),
    updatedAt: iso(updatedAt),
  };
}

export const statusFromJson = (status: JobStatus): deploymentV1.JobStatus =>
  deploymentV1.JobStatus[status.toUpperCase() as Uppercase<JobStatus>];
