import type { deploymentV1 } from '@certferry/contracts';
import type { DeploymentContext } from '../deployment-context.ts';
import { toJob } from '../jobs/mapping.ts';
import { fromRecurrence } from '../schedules/mapping.ts';
import { toHeld } from '../policies/mapping.ts';
import { createDeployment } from './create-deployment.ts';
import { fromDeployment } from './mapping.ts';
import { planDeployment } from './plan-deployment.ts';

export function createDeploymentHandlers(context: DeploymentContext): deploymentV1.DeploymentServiceImplementation {
  return {
    async createDeployment(request) {
      const jobs = await createDeployment(context, {
        ...fromDeployment(request),
        runAt: request.runAt,
        recurrence: fromRecurrence(request.recurrence),
        idempotencyKey: request.requestId,
      });
      return { jobs: jobs.map(toJob) };
    },

    async planDeployment(request) {
      const plan = await planDeployment(context, fromDeployment(request));
      return { plan: plan.map(({ held, ...rest }) => ({ ...rest, held: held && toHeld(held) })) };
    },
  };
}
