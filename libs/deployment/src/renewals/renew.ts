import { invalid, precondition } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import { callContext } from '@certferry/rpc';
import type { DeploymentContext } from '../deployment-context.ts';
import type { Target } from '../deployments/deployment.ts';
import { insertJob } from '../deployments/insert-job.ts';
import { planDeployment, type StorePlan } from '../deployments/plan-deployment.ts';
import { resolveTargets } from '../deployments/resolve-targets.ts';
import type { Job } from '../jobs/job.ts';
import { findRenewalsBy, type RenewalRequest } from './find-renewals.ts';
import { isSamePlace, placeKey, type Renewal } from './renewal.ts';

const MOST_STORES = 1_000;
/** A deployment has at most so many targets. */
const CHUNK = 1_000;

export interface PlannedRenewal {
  renewal: Renewal;
  plan: Pick<StorePlan, 'changes' | 'problem'>;
  leftAlone: boolean;
}

/** INVALID_ARGUMENT INVALID_FIELD unless exactly one of id and name is given. */
export function checkRenewalRequest({ certificateId, certificateName, storeIds }: RenewalRequest): void {
  if ((certificateId === '') === (certificateName === ''))
    throw invalid('INVALID_FIELD', 'A renewal is of a certificate by its id or by its name.', {
      field: 'certificate_id',
    });
  if (storeIds.length > MOST_STORES)
    throw invalid('INVALID_FIELD', `At most ${MOST_STORES} stores can be named.`, { field: 'store_ids' });
}

/** What `renew` would do, place by place. Reads the stores, changes nothing. */
export async function planRenewal(
  context: DeploymentContext,
  request: RenewalRequest,
): Promise<{ certificate: inventoryV1.Certificate; plan: PlannedRenewal[] }> {
  checkRenewalRequest(request);
  const { certificate, renewals, leftAlone } = await findRenewalsBy(context, request);
  const plan: PlannedRenewal[] = [];
  for (const renewal of renewals) plan.push({ renewal, plan: await planOne(context, renewal), leftAlone: false });
  const nothing = { changes: [], problem: '' };
  for (const renewal of leftAlone) plan.push({ renewal, plan: nothing, leftAlone: true });
  return { certificate, plan };
}

async function planOne(context: DeploymentContext, renewal: Renewal): Promise<PlannedRenewal['plan']> {
  const { successor, entry } = renewal;
  if (entry.hasPrivateKey && !successor.hasPrivateKey)
    return { changes: [], problem: 'The inventory does not have the private key of this certificate.' };
  const deployment = { certificateId: successor.id, action: 'add' as const, targets: [toTarget(renewal)] };
  const [plan] = await planDeployment(context, deployment);
  return plan!;
}

/** A job for each place; of the same request id the same jobs. FAILED_PRECONDITION NOTHING_TO_RENEW where there is none. */
export async function renew(
  context: DeploymentContext,
  request: RenewalRequest,
  requestId: string,
): Promise<{ certificate: inventoryV1.Certificate; jobs: Job[] }> {
  checkRenewalRequest(request);
  const { certificate, renewals, leftAlone } = await findRenewalsBy(context, request);
  const keys = requestId && `renew:${requestId}:`;
  const before = keys ? await context.jobs.withRequestKey(keys) : [];
  const left = renewals.filter((one) => !before.some((job) => isSamePlace(one, job)));
  if (before.length + left.length === 0) throw nothingToRenew(certificate, leftAlone);
  return { certificate, jobs: [...before, ...(await createRenewalJobs(context, left, keys))] };
}

function nothingToRenew({ id, name }: inventoryV1.Certificate, leftAlone: Renewal[]): Error {
  const message =
    leftAlone.length > 0
      ? `What ${name} replaces is only in stores that say "never": name them to renew it there.`
      : `No store is known to hold a certificate that ${name} replaces.`;
  return precondition('NOTHING_TO_RENEW', message, { id });
}

/** Of one certificate; `keys` begins the jobs' request keys, so that a place gets one job of it. Empty: a new one each time. */
export async function createRenewalJobs(context: DeploymentContext, renewals: Renewal[], keys: string): Promise<Job[]> {
  const { principal, requestId } = callContext();
  const now = context.clock.now();
  const jobs: Job[] = [];
  for (let at = 0; at < renewals.length; at += CHUNK) {
    const some = renewals.slice(at, at + CHUNK);
    const certificateId = some[0]!.successor.id;
    const targets = await resolveTargets(context, { certificateId, action: 'add', targets: some.map(toTarget) });
    const insert = (target: (typeof targets)[number], i: number) => {
      const requestKey = keys && keys + placeKey(some[i]!);
      const asked = { requestedBy: principal.id, requestId, ...(requestKey && { requestKey }) };
      return insertJob(
        context,
        { ...target, ...asked },
        { now, dueAt: later(some[i]!.successor.facts!.notBefore!, now) },
      );
    };
    jobs.push(...(await Promise.all(targets.map(insert))));
  }
  context.saved();
  return jobs;
}

const later = (one: Date, other: Date): Date => (one > other ? one : other);

/** The place as it is: the same alias, with the key where the certificate there has its key. */
const toTarget = ({ store, entry, held }: Renewal): Target => ({
  storeId: store._id,
  alias: entry.alias,
  overwrite: true,
  allowKeyRemoval: false,
  force: false,
  includePrivateKey: entry.hasPrivateKey,
  replaces: { certificateId: held.id, fingerprintSha256: entry.fingerprintSha256 },
});
