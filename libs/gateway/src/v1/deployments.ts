import { deploymentV1 } from '@certferry/contracts';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { GatewayContext } from '../gateway-context.ts';
import { callOptions } from '../guards.ts';
import { jobToJson, pageToJson, statusFromJson } from './json.ts';
import { deploymentAnswer, deploymentBody, deploymentPlan, idParams, job, jobQuery, listOf } from './schemas.ts';

export function deploymentRoutes(base: FastifyInstance, { services }: GatewayContext): void {
  const app = base.withTypeProvider<ZodTypeProvider>();

  app.post(
    '/deployments',
    {
      config: { scope: 'write', idempotent: true },
      schema: {
        tags: ['deployments'],
        summary: 'Deploy a certificate to stores, or remove it from them',
        body: deploymentBody,
        response: { 200: deploymentPlan, 202: deploymentAnswer },
      },
    },
    async (request, reply) => {
      const { certificateId = '', action: name, targets, schedule, dryRun } = request.body;
      const action = name === 'add' ? deploymentV1.DeploymentAction.ADD : deploymentV1.DeploymentAction.REMOVE;
      if (dryRun) {
        const { plan } = await services.deployments.planDeployment(
          { certificateId, action, targets },
          callOptions(request),
        );
        return await reply.code(200).send({ plan: plan.map((one) => ({ ...one, problem: one.problem || undefined })) });
      }
      const { at, ...recurrence } = schedule ?? {};
      const { jobs } = await services.deployments.createDeployment(
        {
          certificateId,
          action,
          targets,
          runAt: at === undefined ? undefined : new Date(at),
          recurrence: Object.keys(recurrence).length > 0 ? recurrence : undefined,
          requestId: request.idempotencyId ?? '',
        },
        callOptions(request),
      );
      return await reply.code(202).send({ jobs: jobs.map(({ id, storeId }) => ({ id, storeId })) });
    },
  );
  app.get(
    '/jobs',
    {
      config: { scope: 'read' },
      schema: {
        tags: ['jobs'],
        summary: 'List jobs, newest first',
        querystring: jobQuery,
        response: { 200: listOf(job) },
      },
    },
    async (request) => {
      const { status, ...query } = request.query;
      const asked = { ...query, status: status && statusFromJson(status) };
      return pageToJson(await services.jobs.listJobs(asked, callOptions(request)), jobToJson);
    },
  );
  app.get(
    '/jobs/:id',
    {
      config: { scope: 'read' },
      schema: { tags: ['jobs'], summary: 'Get a job with its timeline', params: idParams, response: { 200: job } },
    },
    async (request) => jobToJson((await services.jobs.getJob(request.params, callOptions(request))).job!),
  );
  app.post(
    '/jobs/:id/cancel',
    {
      config: { scope: 'write', idempotent: true },
      schema: { tags: ['jobs'], summary: 'Cancel a job that waits', params: idParams, response: { 200: job } },
    },
    async (request) => jobToJson((await services.jobs.cancelJob(request.params, callOptions(request))).job!),
  );
  app.post(
    '/jobs/:id/retry',
    {
      config: { scope: 'write', idempotent: true },
      schema: {
        tags: ['jobs'],
        summary: 'Queue a failed, cancelled or drifted job again',
        params: idParams,
        response: { 200: job },
      },
    },
    async (request) => jobToJson((await services.jobs.retryJob(request.params, callOptions(request))).job!),
  );
}
