import type { deploymentV1 } from '@certferry/contracts';
import { cancelJob, retryJob, type DecisionContext } from './decide-on-job.ts';
import { findJob } from './find-job.ts';
import { jobFilter } from './job-filter.ts';
import { fromStatus, toJob } from './mapping.ts';
import { waitForJob } from './wait-for-job.ts';

export function createJobHandlers(context: DecisionContext): deploymentV1.JobServiceImplementation {
  const { jobs, clock } = context;
  return {
    async getJob({ id }) {
      return { job: toJob(await findJob(context, id)) };
    },

    async listJobs({ status, storeId, certificateId, filter, ...page }) {
      const asked = { status: status && fromStatus(status), storeId, certificateId };
      const exact = Object.entries(asked).flatMap(([key, value]) => (value ? [{ [key]: value }] : []));
      const found = await jobs.list({ ...page, filter: [...exact, jobFilter(filter, clock.now())] });
      return { ...found, items: found.items.map(toJob) };
    },

    async waitForJob({ id, seconds }) {
      return { job: toJob(await waitForJob(context, id, seconds)) };
    },

    async cancelJob({ id }) {
      return { job: toJob(await cancelJob(context, id)) };
    },

    async retryJob({ id }) {
      return { job: toJob(await retryJob(context, id)) };
    },
  };
}
