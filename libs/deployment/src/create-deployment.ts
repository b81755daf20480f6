import { AppError, invalid, newId, notFound, precondition } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import type { DeploymentContext } from './deployment-context.ts';
import type { Change } from './drivers/driver.ts';
import { findDriver } from './drivers/index.ts';
import type { Job } from './job.ts';
import type { Store } from './store.ts';
import { openJobStore, toStoreChange, type ChangeRequest } from './store-change.ts';

export interface Target {
  storeId: string;
  alias?: string;
  overwrite: boolean;
  includePrivateKey?: boolean;
}

export interface DeploymentRequest {
  certificateId: string;
  action: 'add' | 'remove';
  targets: Target[];
  runAt?: Date;
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
  request: Omit<DeploymentRequest, 'requestId' | 'runAt'>,
): Promise<(ChangeRequest & { storeId: string })[]> {
  const { certificateId, action, targets } = request;
  if (targets.length === 0 || targets.length > MAX_TARGETS) {
    throw invalid('INVALID_FIELD', `A deployment has 1 to ${MAX_TARGETS} targets, not ${targets.length}.`, {
      field: 'targets',
    });
  }
  const certificate = (await context.inventory.getCertificate({ id: certificateId })).certificate!;
  if (action === 'add' && !certificate.enabled) {
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
    fingerprintSha256: certificate.facts!.fingerprintSha256,
    action,
    alias: aliasFor(target, stores.get(target.storeId)!, certificate),
    overwrite: target.overwrite,
    includePrivateKey: action === 'add' && wantsPrivateKey(target, stores.get(target.storeId)!, certificate),
  }));
}

function aliasFor(target: Target, store: Store, certificate: inventoryV1.Certificate): string {
  if (findDriver(store.kind).alias === 'none') return '';
  const alias = target.alias?.trim() || certificate.facts!.commonName || certificate.facts!.thumbprint;
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
  const now = context.clock.now();
  const dueAt = request.runAt && request.runAt > now ? request.runAt : now;
  const status = dueAt > now ? 'scheduled' : 'queued';
  const jobs = resolved.map((target, i): Job => ({
    _id: newId(),
    ...(request.requestId && { requestKey: `${request.requestId}:${i}` }),
    ...target,
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
  }));
  const saved = await Promise.all(jobs.map((job) => context.jobs.insert(job)));
  context.saved();
  return saved;
}

/** What the jobs would change. Reads the stores, changes nothing. */
export async function planDeployment(
  context: DeploymentContext,
  request: Omit<DeploymentRequest, 'requestId' | 'runAt'>,
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
    const { open } = await openJobStore(context, target.storeId);
    const { changes } = await open.prepare(await toStoreChange(context, target));
    return { changes, problem: '' };
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
    return { changes: [], problem: error.message };
  }
}
