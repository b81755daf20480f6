import { AppError, invalid, newId, notFound, precondition } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import { findDriver, type Change } from '@certferry/store-drivers';
import type { DeploymentContext } from './deployment-context.ts';
import type { Job } from './job.ts';
import { checkRecurrence, firstRun, nextRun, type Recurrence } from './recurrence.ts';
import type { Store } from './store.ts';
import { toStoreChange, withStore, type ChangeRequest } from './store-change.ts';

export interface Target {
  storeId: string;
  alias?: string;
  overwrite: boolean;
  includePrivateKey?: boolean;
  /** Of a removal without a certificate: only if the place holds this one. */
  thumbprint?: string;
}

export interface DeploymentRequest {
  /** Empty for a removal of whatever the target's alias holds. */
  certificateId: string;
  action: 'add' | 'remove';
  targets: Target[];
  runAt?: Date;
  recurrence?: Recurrence;
  requestId: string;
}

export interface StorePlan {
  storeId: string;
  changes: Change[];
  problem: string;
}

const MAX_TARGETS = 1_000;
const MAX_ALIAS_CHARACTERS = 200;

/** Checks the request against certificate and stores; what each target's job will do, in their order. */
async function resolveTargets(
  context: DeploymentContext,
  request: Pick<DeploymentRequest, 'certificateId' | 'action' | 'targets'>,
): Promise<(ChangeRequest & { storeId: string })[]> {
  const { certificateId, action, targets } = request;
  if (targets.length === 0 || targets.length > MAX_TARGETS) {
    throw invalid('INVALID_FIELD', `A deployment has 1 to ${MAX_TARGETS} targets, not ${targets.length}.`, {
      field: 'targets',
    });
  }
  const certificate =
    action === 'remove' && certificateId === ''
      ? undefined
      : (await context.certificates.getCertificate({ id: certificateId })).certificate!;
  if (action === 'add' && !certificate!.enabled) {
    throw precondition('CERTIFICATE_DISABLED', 'The certificate is disabled; enable it to deploy it.', {
      id: certificateId,
    });
  }
  const stores = new Map<string, Store>();
  for (const { storeId } of targets) {
    if (stores.has(storeId)) continue;
    const store = await context.stores.find(storeId);
    if (!store) throw notFound('store', storeId);
    stores.set(storeId, store);
  }
  return targets.map((target) => ({
    storeId: target.storeId,
    certificateId,
    fingerprintSha256: certificate?.facts!.fingerprintSha256 ?? '',
    ...(!certificate && target.thumbprint && { thumbprint: target.thumbprint.toUpperCase() }),
    action,
    alias: aliasFor(target, stores.get(target.storeId)!, certificate),
    overwrite: target.overwrite,
    includePrivateKey: action === 'add' && wantsPrivateKey(target, stores.get(target.storeId)!, certificate!),
  }));
}

function aliasFor(target: Target, store: Store, certificate: inventoryV1.Certificate | undefined): string {
  if (findDriver(store.kind).alias === 'none') return '';
  const alias = target.alias?.trim() || certificate?.facts!.commonName || certificate?.facts!.thumbprint;
  if (!alias)
    throw invalid('INVALID_FIELD', 'Without a certificate, a removal needs the alias of an entry.', { field: 'alias' });
  if (alias.length > MAX_ALIAS_CHARACTERS)
    throw invalid('INVALID_FIELD', `An alias has at most ${MAX_ALIAS_CHARACTERS} characters.`, { field: 'alias' });
  return alias;
}

/** Without a wish: the key goes where the certificate has one and the store has a place for it. */
function wantsPrivateKey(target: Target, store: Store, certificate: inventoryV1.Certificate): boolean {
  const hasPlace = findDriver(store.kind).holdsPrivateKey(store.config);
  if (target.includePrivateKey === undefined) return certificate.hasPrivateKey && hasPlace;
  if (target.includePrivateKey && !certificate.hasPrivateKey) {
    throw precondition(
      'NO_PRIVATE_KEY',
      'The inventory does not have the private key of this certificate: import it, or deploy without it.',
      { id: certificate.id },
    );
  }
  return target.includePrivateKey && hasPlace;
}

/** One job for each target. The same request id again answers the same jobs. */
export async function createDeployment(context: DeploymentContext, request: DeploymentRequest): Promise<Job[]> {
  const resolved = await resolveTargets(context, request);
  const { recurrence } = request;
  if (recurrence) checkRecurrence(recurrence);
  const now = context.clock.now();
  const dueAt = recurrence ? firstRun(recurrence, request.runAt, now) : later(request.runAt, now);
  const jobs = resolved.map((target, i) => ({
    ...target,
    ...(request.requestId && { requestKey: `${request.requestId}:${i}` }),
    ...(recurrence && { recurrence: { ...recurrence, anchor: dueAt }, repeats: true }),
  }));
  const saved = await Promise.all(jobs.map((job) => insertJob(context, job, { now, dueAt })));
  context.saved();
  return saved;
}

const later = (runAt: Date | undefined, now: Date): Date => (runAt && runAt > now ? runAt : now);

type NewJob = ChangeRequest & Pick<Job, 'storeId' | 'requestKey' | 'recurrence' | 'repeats' | 'previousJobId'>;

async function insertJob(
  context: DeploymentContext,
  job: NewJob,
  { now, dueAt }: { now: Date; dueAt: Date },
): Promise<Job> {
  const status = dueAt > now ? 'scheduled' : 'queued';
  return await context.jobs.insert({
    _id: newId(),
    ...job,
    number: await context.numbers.next(),
    state: 'queued',
    status,
    generation: 0,
    attempts: 0,
    dueAt,
    changes: [],
    timeline: [{ at: now, step: 'queued', status, attempt: 0, message: '' }],
    sequence: 1,
    createdAt: now,
    updatedAt: now,
  });
}

/** Makes the job that follows an ended one of a recurrence; a job that was cancelled is followed by none. */
export async function followJob(context: DeploymentContext, ended: Job): Promise<void> {
  const { recurrence } = ended;
  if (recurrence && ended.state !== 'cancelled') {
    const { storeId, certificateId, fingerprintSha256, thumbprint, action, alias, overwrite, includePrivateKey } =
      ended;
    const now = context.clock.now();
    await insertJob(
      context,
      {
        ...{ storeId, certificateId, fingerprintSha256, thumbprint, action, alias, overwrite, includePrivateKey },
        recurrence,
        repeats: true,
        requestKey: `${ended._id}:next`,
        previousJobId: ended._id,
      },
      { now, dueAt: nextRun(recurrence, recurrence.anchor, now) },
    );
  }
  await context.jobs.followed(ended);
  context.saved();
}

/** What the jobs would change. Reads the stores, changes nothing. */
export async function planDeployment(
  context: DeploymentContext,
  request: Pick<DeploymentRequest, 'certificateId' | 'action' | 'targets'>,
): Promise<StorePlan[]> {
  const resolved = await resolveTargets(context, request);
  const plans: StorePlan[] = [];
  for (const target of resolved) plans.push({ storeId: target.storeId, ...(await planTarget(context, target)) });
  return plans;
}

async function planTarget(
  context: DeploymentContext,
  target: ChangeRequest & { storeId: string },
): Promise<{ changes: Change[]; problem: string }> {
  try {
    return await withStore(context, target.storeId, async (open) => {
      const { changes } = await open.prepare(await toStoreChange(context, target));
      return { changes, problem: '' };
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
    return { changes: [], problem: error.message };
  }
}
