import type { deploymentV1 } from '@certferry/contracts';
import type { DeploymentContext } from '../deployment-context.ts';
import { toJob } from '../jobs/mapping.ts';
import { listRenewals } from './list-renewals.ts';
import { toChosen, toPlanned, toRenewal } from './mapping.ts';
import { planRenewal, renew } from './renew.ts';

export function createRenewalHandlers(context: DeploymentContext): deploymentV1.RenewalServiceImplementation {
  return {
    async listRenewals({ certificateId }) {
      return { items: (await listRenewals(context, certificateId)).map(toRenewal) };
    },

    async planRenewal(request) {
      const { certificate, plan } = await planRenewal(context, request);
      return { certificate: toChosen(certificate), plan: plan.map(toPlanned) };
    },

    async renew({ requestId, ...request }) {
      const { certificate, jobs } = await renew(context, request, requestId);
      return { certificate: toChosen(certificate), jobs: jobs.map(toJob) };
    },
  };
}
