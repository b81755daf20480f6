import type { deploymentV1 } from '@certferry/contracts';
import type { renewalOperations } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import { chosenToJson } from './deployments.ts';
import { changeToJson, statusToJson } from './job-json.ts';
import { iso, present } from './json-values.ts';
import type { Routes } from './route.ts';
import { modeToJson } from './store-json.ts';

const placeToJson = ({ mode, dueAt, jobId: _, jobStatus: _s, ...place }: deploymentV1.Renewal) => ({
  ...place,
  mode: modeToJson(mode),
  dueAt: iso(dueAt),
});

export const renewalRoutes = ({ services }: GatewayContext): Routes<typeof renewalOperations> => ({
  renewCertificate: {
    scope: 'write',
    handler: async (request, reply) => {
      const { dryRun, ...asked } = request.body;
      if (dryRun) {
        const { certificate, plan } = await services.renewals.planRenewal(asked);
        reply.code(200);
        const places = plan.map(({ renewal, changes, problem, leftAlone }) => ({
          ...placeToJson(renewal!),
          changes: changes.map(changeToJson),
          problem: present(problem),
          ...(leftAlone && { leftAlone }),
        }));
        return { certificate: chosenToJson(certificate!), plan: places };
      }
      const { certificate, jobs } = await services.renewals.renew({ ...asked, requestId: request.idempotencyId ?? '' });
      reply.code(202);
      return { certificate: chosenToJson(certificate!), jobs: jobs.map(({ id, storeId }) => ({ id, storeId })) };
    },
  },
  listRenewals: {
    scope: 'read',
    handler: async (request) => ({
      items: (await services.renewals.listRenewals(request.query)).items.map((one) => ({
        ...placeToJson(one),
        ...(one.jobId && { jobId: one.jobId, jobStatus: statusToJson(one.jobStatus) }),
      })),
    }),
  },
});
