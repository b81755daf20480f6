import type { deploymentV1, inventoryV1 } from '@certferry/contracts';
import type { DeploymentContext } from '../deployment-context.ts';
import type { Job } from '../jobs/job.ts';
import { toJob } from '../jobs/mapping.ts';
import { toChosen } from '../renewals/mapping.ts';
import { fromRecurrence } from '../schedules/mapping.ts';
import { toHeld } from '../policies/mapping.ts';
import { chooseCertificate } from './choose-certificate.ts';
import { createDeployment } from './create-deployment.ts';
import { fromDeployment } from './mapping.ts';
import { planDeployment } from './plan-deployment.ts';

export function createDeploymentHandlers(context: DeploymentContext): deploymentV1.DeploymentServiceImplementation {
  /** Of a request that was made before, the one that it was then. */
  const certificateOf = async ({ certificateId: id }: Job, chosen: inventoryV1.Certificate) =>
    id === chosen.id ? chosen : (await context.certificates.getCertificate({ id })).certificate!;
  return {
    async createDeployment(request) {
      const { deployment, chosen } = await chooseCertificate(context, fromDeployment(request), request.certificateName);
      const jobs = await createDeployment(context, {
        ...deployment,
        runAt: request.runAt,
        recurrence: fromRecurrence(request.recurrence),
        idempotencyKey: request.requestId,
      });
      return { jobs: jobs.map(toJob), certificate: chosen && toChosen(await certificateOf(jobs[0]!, chosen)) };
    },

    async planDeployment(request) {
      const { deployment, chosen } = await chooseCertificate(context, fromDeployment(request), request.certificateName);
      const plan = await planDeployment(context, deployment);
      return {
        plan: plan.map(({ held, ...rest }) => ({ ...rest, held: held && toHeld(held) })),
        certificate: chosen && toChosen(chosen),
      };
    },
  };
}
