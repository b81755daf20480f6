import { AppError } from '@certferry/core';
import type { Change, StoreEntry } from '@certferry/store-drivers';
import type { DeploymentContext } from '../deployment-context.ts';
import { sayHooks } from '../hooks/hook-choice.ts';
import { assessChange } from '../policies/assess-change.ts';
import type { Finding } from '../policies/finding.ts';
import { checkReplaced } from '../renewals/check-replaced.ts';
import { withStore } from '../stores/open-store.ts';
import type { Deployment } from './deployment.ts';
import { resolveTargets, type ResolvedTarget } from './resolve-targets.ts';
import { toStoreChange } from './store-change.ts';

export interface StorePlan {
  storeId: string;
  changes: Change[];
  /** Why the job would fail; empty if it would not. */
  problem: string;
  findings: Finding[];
  /** The hooks that would run around the write, in order. */
  hooks: string[];
  /** What the place holds now; absent: no certificate. */
  held?: StoreEntry;
}

/** What the jobs of a deployment would change. Reads the stores, changes nothing. */
export async function planDeployment(context: DeploymentContext, deployment: Deployment): Promise<StorePlan[]> {
  const plans: StorePlan[] = [];
  for (const target of await resolveTargets(context, deployment)) plans.push(await planTarget(context, target));
  return plans;
}

async function planTarget(context: DeploymentContext, target: ResolvedTarget): Promise<StorePlan> {
  const { storeId } = target;
  try {
    return await withStore(context, { id: storeId }, async (open, store) => {
      const change = await toStoreChange(context, target);
      const prepared = await open.prepare(change);
      checkReplaced(target, prepared.changes);
      const { findings, refusal } = await assessChange(context, { asked: target, store, change, prepared });
      const { changes, held } = prepared;
      const hooks = store.hooks && changes.length > 0 ? sayHooks(context.hooks, store.hooks) : [];
      return { storeId, changes, problem: refusal?.message ?? '', findings, hooks, held };
    });
  } catch (error) {
    if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
    return { storeId, changes: [], problem: error.message, findings: [], hooks: [] };
  }
}
