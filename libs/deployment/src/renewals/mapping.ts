import { invalid } from '@certferry/core';
import { deploymentV1, type inventoryV1 } from '@certferry/contracts';
import { toStatus } from '../jobs/mapping.ts';
import type { WaitingRenewal } from './list-renewals.ts';
import type { PlannedRenewal } from './renew.ts';
import { choiceOf, dueAt } from './renewal.ts';
import type { RenewalChoice } from './renewal-choice.ts';

const MODES: Record<RenewalChoice['mode'], deploymentV1.RenewalMode> = {
  automatic: deploymentV1.RenewalMode.AUTOMATIC,
  ask: deploymentV1.RenewalMode.ASK,
  never: deploymentV1.RenewalMode.NEVER,
};

export const toRenewalChoice = ({ mode, leadTimeDays }: RenewalChoice): deploymentV1.RenewalChoice => ({
  mode: MODES[mode],
  leadTimeDays,
});

export function fromRenewalChoice({ mode: asked, leadTimeDays }: deploymentV1.RenewalChoice): RenewalChoice {
  const mode = (Object.keys(MODES) as RenewalChoice['mode'][]).find((one) => MODES[one] === asked);
  if (!mode) throw invalid('INVALID_FIELD', 'renewal.mode must be automatic, ask or never.', { field: 'renewal.mode' });
  return { mode, ...(leadTimeDays !== undefined && { leadTimeDays }) };
}

export const toRenewal = (renewal: WaitingRenewal): deploymentV1.Renewal => ({
  storeId: renewal.store._id,
  storeName: renewal.store.name,
  alias: renewal.entry.alias,
  replacesCertificateId: renewal.held.id,
  certificateId: renewal.successor.id,
  mode: MODES[choiceOf(renewal.store).mode],
  dueAt: dueAt(renewal),
  jobId: renewal.job?._id ?? '',
  jobStatus: renewal.job ? toStatus(renewal.job.status) : deploymentV1.JobStatus.UNSPECIFIED,
});

export const toPlanned = ({ renewal, plan, leftAlone }: PlannedRenewal): deploymentV1.PlannedRenewal => ({
  renewal: toRenewal(renewal),
  changes: plan.changes,
  problem: plan.problem,
  leftAlone,
});

export const toChosen = ({
  id,
  name,
  facts,
  hasPrivateKey,
}: inventoryV1.Certificate): deploymentV1.ChosenCertificate => {
  const { subject, fingerprintSha256, notAfter } = facts!;
  return { id, name, subject, fingerprintSha256, notAfter, hasPrivateKey };
};
