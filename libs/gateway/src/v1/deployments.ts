import { deploymentV1 } from '@certferry/contracts';
import type { ChosenCertificate, deploymentOperations } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import { changeToJson, findingToJson } from './job-json.ts';
import { iso } from './json-values.ts';
import type { Routes } from './route.ts';

export const chosenToJson = ({ notAfter, ...rest }: deploymentV1.ChosenCertificate): ChosenCertificate => ({
  ...rest,
  notAfter: iso(notAfter),
});

export const deploymentRoutes = ({ services }: GatewayContext): Routes<typeof deploymentOperations> => ({
  createDeployment: {
    scope: 'write',
    statedReason: ({ body: { targets } }) => {
      const said = (what: 'force' | 'allowKeyRemoval') => {
        const stores = targets.filter((target) => target[what]).map(({ storeId }) => storeId);
        return stores.length > 0 ? [`${what} for ${stores.join(' ')}`] : [];
      };
      return [...said('force'), ...said('allowKeyRemoval')].join('; ') || undefined;
    },
    handler: async (request, reply) => {
      const { certificateId = '', certificateName = '', action: name, targets, schedule, dryRun } = request.body;
      const action = name === 'add' ? deploymentV1.DeploymentAction.ADD : deploymentV1.DeploymentAction.REMOVE;
      if (dryRun) {
        const asked = { certificateId, certificateName, action, targets };
        const { plan, certificate } = await services.deployments.planDeployment(asked);
        reply.code(200);
        return {
          plan: plan.map(({ storeId, changes, problem, findings, held, hooks }) => ({
            storeId,
            changes: changes.map(changeToJson),
            problem: problem || undefined,
            findings: findings.map(findingToJson),
            hooks,
            held: held && { ...held, notAfter: iso(held.notAfter) },
          })),
          certificate: certificate && chosenToJson(certificate),
        };
      }
      const { at, ...recurrence } = schedule ?? {};
      const { jobs, certificate } = await services.deployments.createDeployment({
        certificateId,
        certificateName,
        action,
        targets,
        runAt: at === undefined ? undefined : new Date(at),
        recurrence: Object.keys(recurrence).length > 0 ? recurrence : undefined,
        requestId: request.idempotencyId ?? '',
      });
      reply.code(202);
      const made = jobs.map(({ id, storeId }) => ({ id, storeId }));
      return { jobs: made, certificate: certificate && chosenToJson(certificate) };
    },
  },
});
