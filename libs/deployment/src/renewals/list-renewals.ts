import type { DeploymentContext } from '../deployment-context.ts';
import type { Job } from '../jobs/job.ts';
import { findAllRenewals } from './find-renewals.ts';
import { byPlace, isSamePlace, type Renewal } from './renewal.ts';

/** A renewal, and the last job that was to do it. */
export type WaitingRenewal = Renewal & { job?: Job };

/** What waits to be renewed, by store name and alias; `certificateId`: only by this one. */
export async function listRenewals(context: DeploymentContext, certificateId: string): Promise<WaitingRenewal[]> {
  const found: Renewal[] = [];
  for await (const page of findAllRenewals(context))
    found.push(...page.filter(({ successor }) => certificateId === '' || successor.id === certificateId));
  const jobs = await context.jobs.latestOf([...new Set(found.map(({ successor }) => successor.id))]);
  return found.sort(byPlace).map((one) => {
    const job = jobs.find((other) => other.certificateId === one.successor.id && isSamePlace(one, other));
    return { ...one, ...(job && { job }) };
  });
}
