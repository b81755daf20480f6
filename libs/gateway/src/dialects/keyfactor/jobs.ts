import {
  invalid,
  MATCHES_ALL,
  MATCHES_NOTHING,
  parseQuery,
  rewriteQuery,
  writeQuery,
  type Query,
} from '@certferry/core';
import { deploymentV1 } from '@certferry/contracts';
import type { FastifyInstance } from 'fastify';
import type { GatewayContext } from '../../gateway-context.ts';
import { toDotNetTime } from '../display-name.ts';
import { collect, readPaging, readQuery, type Paging } from './conventions.ts';
import { AGENT_ID, AGENT_MACHINE } from './server.ts';
import { toKeyfactorStore, typeOf } from './store.ts';
import { findStores } from './stores.ts';
import { writeSchedule } from './times.ts';

const { JobStatus, DeploymentAction } = deploymentV1;

/** JobHistory.Result. */
const RESULT = { unknown: 0, inProcess: 1, success: 2, warning: 3, failure: 4 } as const;
/** JobHistory.Status. */
const STATUS = { unknown: 0, waiting: 1, inProcess: 2, completed: 3, completedWillRetry: 5 } as const;

/** Our states as Keyfactor's numbers. What was to be removed and was not there is a warning. */
function stateOf({ status, action, changes }: deploymentV1.Job): { Result: number; Status: number } {
  switch (status) {
    case JobStatus.SUCCEEDED: {
      const nothing = action === DeploymentAction.REMOVE && changes.length === 0;
      return { Result: nothing ? RESULT.warning : RESULT.success, Status: STATUS.completed };
    }
    case JobStatus.FAILED:
    case JobStatus.DRIFTED:
    case JobStatus.CANCELLED:
      return { Result: RESULT.failure, Status: STATUS.completed };
    case JobStatus.RETRYING:
      return { Result: RESULT.failure, Status: STATUS.completedWillRetry };
    case JobStatus.RUNNING:
      return { Result: RESULT.inProcess, Status: STATUS.inProcess };
    default:
      return { Result: RESULT.unknown, Status: STATUS.waiting };
  }
}

/** The statuses of ours behind a number of Keyfactor's. */
const STATUSES_OF_RESULT: Record<string, string[]> = {
  1: ['running'],
  2: ['succeeded'],
  3: ['succeeded'],
  4: ['failed', 'drifted', 'cancelled', 'retrying'],
};
const STATUSES_OF_STATUS: Record<string, string[]> = {
  1: ['queued', 'scheduled'],
  2: ['running'],
  3: ['succeeded', 'failed', 'drifted', 'cancelled'],
  5: ['retrying'],
};

const anyStatus = (names: string[]): Query => ({
  kind: 'or',
  parts: names.map((value) => ({ kind: 'comparison', field: 'status', operator: 'eq', value })),
});
const allStatusesBut = (names: string[]): Query => ({
  kind: 'and',
  parts: names.map((value) => ({ kind: 'comparison', field: 'status', operator: 'ne', value })),
});

const constant = (matches: boolean): Query => (matches ? MATCHES_ALL : MATCHES_NOTHING);

/** Keyfactor's query over jobs as one over ours; undefined when nothing can match. All our jobs are of type Management. */
function jobQuery(queryString: string, more: Query): string | undefined {
  const query = rewriteQuery(parseQuery(queryString), (comparison) => {
    const { field, operator, value } = comparison;
    const byStatus = (table: Record<string, string[]>): Query => {
      const names = table[value ?? ''] ?? [];
      return operator === 'eq' ? anyStatus(names) : allStatusesBut(names);
    };
    const isNegative = operator === 'ne' || operator === 'notcontains';
    switch (field.toLowerCase()) {
      case 'id':
      case 'jobid':
        return { ...comparison, field: 'id' };
      case 'jobhistoryid':
        return { ...comparison, field: 'number' };
      case 'result':
        return byStatus(STATUSES_OF_RESULT);
      case 'status':
        return byStatus(STATUSES_OF_STATUS);
      case 'message':
        return comparison;
      case 'operationstart':
        return { ...comparison, field: 'createdAt' };
      case 'jobtype':
        return constant('management'.includes((value ?? '').toLowerCase()) !== isNegative);
      case 'agentid':
        return constant((value?.toLowerCase() === AGENT_ID) !== isNegative);
      case 'agent':
        return constant((value?.toLowerCase() === AGENT_MACHINE.toLowerCase()) !== isNegative);
      default:
        throw invalid('INVALID_FILTER', `Jobs cannot be searched by "${field}" (yet).`);
    }
  });
  return writeQuery(rewriteQuery({ kind: 'and', parts: [query, more] }, (one) => one));
}

/** Has begun at least once; and the rest. */
const BEGUN: Query = { kind: 'comparison', field: 'attempts', operator: 'gt', value: '0' };
const WAITING: Query = {
  kind: 'and',
  parts: [
    { kind: 'comparison', field: 'attempts', operator: 'eq', value: '0' },
    { kind: 'comparison', field: 'status', operator: 'ne', value: 'cancelled' },
  ],
};

export function addJobRoutes(app: FastifyInstance, context: GatewayContext): void {
  const { services } = context;
  const config = { scope: 'read' } as const;
  const list = async (paging: Paging, which: Query) => {
    const filter = jobQuery(paging.queryString, which);
    if (filter === undefined) return { items: [], total: 0 };
    const ascending = paging.sortField !== '' && !paging.descending;
    return await collect(paging, (page) => services.jobs.listJobs({ ...page, filter, ascending }));
  };
  /** The jobs' stores; of one that was removed only its id is left. */
  const withStores = async (jobs: deploymentV1.Job[]) => {
    const stores = await findStores(
      context,
      jobs.map((job) => job.storeId),
    );
    return jobs.map((job) => {
      const store = stores.get(job.storeId);
      const { ClientMachine = '', Storepath = '' } = store ? toKeyfactorStore(store) : {};
      const JobType = `${store ? (typeOf(store)?.shortName ?? store.kind) : ''}Management`;
      return { job, ClientMachine, StorePath: Storepath, JobType };
    });
  };

  app.get('/OrchestratorJobs/JobHistory', { config }, async (request, reply) => {
    const { items, total } = await list(readPaging(readQuery(request)), BEGUN);
    reply.header('x-total-count', total);
    return (await withStores(items)).map(({ job, ClientMachine, StorePath, JobType }) => {
      const start = job.timeline.find((entry) => entry.step === 'leased')?.at ?? job.createdAt!;
      const state = stateOf(job);
      const ended = state.Status === STATUS.completed || state.Status === STATUS.completedWillRetry;
      return {
        JobHistoryId: job.number,
        AgentMachine: AGENT_MACHINE,
        JobId: job.id,
        Schedule: writeSchedule(job),
        JobType,
        OperationStart: toDotNetTime(start),
        ...(ended && { OperationEnd: toDotNetTime(job.updatedAt!) }),
        Message: job.error?.message ?? job.timeline.at(-1)?.message ?? '',
        ...state,
        StorePath,
        ClientMachine,
      };
    });
  });
  app.get('/OrchestratorJobs/ScheduledJobs', { config }, async (request, reply) => {
    const { items, total } = await list(readPaging(readQuery(request)), WAITING);
    reply.header('x-total-count', total);
    return (await withStores(items)).map(({ job, ClientMachine, StorePath, JobType }) => ({
      Id: job.id,
      ClientMachine,
      Target: StorePath,
      Schedule: writeSchedule(job),
      Requested: toDotNetTime(job.createdAt!),
      JobType,
    }));
  });
}
