import type { jobOperations } from '@certferry/rest';
import type { GatewayContext } from '../gateway-context.ts';
import { jobToJson, statusFromJson } from './job-json.ts';
import { pageToJson } from './json-values.ts';
import type { Routes } from './route.ts';

export const jobRoutes = ({ services }: GatewayContext): Routes<typeof jobOperations> => ({
  listJobs: {
    scope: 'read',
    handler: async (request) => {
      const { status, ...query } = request.query;
      const asked = { ...query, status: status && statusFromJson(status) };
      return pageToJson(await services.jobs.listJobs(asked), jobToJson);
    },
  },
  getJob: {
    scope: 'read',
    handler: async (request) => jobToJson((await services.jobs.getJob(request.params)).job!),
  },
  cancelJob: {
    scope: 'write',
    handler: async (request) => jobToJson((await services.jobs.cancelJob(request.params)).job!),
  },
  retryJob: {
    scope: 'write',
    handler: async (request) => jobToJson((await services.jobs.retryJob(request.params)).job!),
  },
});
