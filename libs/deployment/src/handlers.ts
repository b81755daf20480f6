import { setTimeout as delay } from 'node:timers/promises';
import { invalid, newId, notFound, precondition, raise } from '@certferry/core';
import { deploymentV1 } from '@certferry/contracts';
import { serve, type ServedService } from '@certferry/rpc';
import { checkConfig, DRIVERS, findDriver, tryStore } from '@certferry/store-drivers';
import { createDeployment, planDeployment } from './create-deployment.ts';
import type { DeploymentContext } from './deployment-context.ts';
import { jobFilter, storeFilter } from './filters.ts';
import { isFinal, type Job, type JobState, type Transition } from './job.ts';
import { fromRecurrence, fromStatus, fromTarget, toEntry, toJob, toStore, toStoreKind } from './mapping.ts';
import { checkNameAndLabels, openConfig, sealConfig, type Store } from './store.ts';
import { openStore, storeLimits, withStore } from './store-change.ts';

const toLabels = (labels: Record<string, string>): Store['labels'] =>
  Object.entries(labels).map(([key, value]) => ({ key, value }));

export function createHandlers(context: DeploymentContext): ServedService[] {
  return [
    serve(deploymentV1.StoreServiceDefinition, storeHandlers(context)),
    serve(deploymentV1.DeploymentServiceDefinition, deploymentHandlers(context)),
    serve(deploymentV1.JobServiceDefinition, jobHandlers(context)),
  ];
}

function storeHandlers(context: DeploymentContext): deploymentV1.StoreServiceImplementation {
  const { stores, jobs, secrets, access, clock } = context;
  const find = async (id: string): Promise<Store> => (await stores.find(id)) ?? raise(notFound('store', id));
  /** A store that is not saved: its paths are checked too, so that a store which can never work is refused at once. */
  const draft = async (
    id: string,
    from: { name: string; kind: string; config: Record<string, unknown>; labels: Record<string, string> },
  ): Promise<Store> => {
    checkNameAndLabels(from);
    const driver = findDriver(from.kind);
    const config = checkConfig(driver, from.config);
    const tried = await access.open({ id, kind: from.kind, config }, storeLimits());
    await tried.close();
    const now = clock.now();
    return {
      _id: id,
      name: from.name,
      kind: from.kind,
      ...sealConfig(id, { driver, config }, secrets),
      labels: toLabels(from.labels),
      createdAt: now,
      updatedAt: now,
    };
  };
  return {
    listStoreKinds: () => Promise.resolve({ kinds: DRIVERS.map(toStoreKind) }),

    async createStore({ store }) {
      const created = await draft(newId(), withConfig(store));
      await stores.insert(created);
      return { store: toStore(created) };
    },

    async getStore({ id }) {
      return { store: toStore(await find(id)) };
    },

    async listStores({ filter, ...query }) {
      const { items, nextCursor, total } = await stores.list({ ...query, filter: [storeFilter(filter, clock.now())] });
      return { items: items.map(toStore), nextCursor, total };
    },

    async updateStore({ id, name, config, labels }) {
      const store = await find(id);
      const current = toStore(store);
      const whole = openConfig(store, secrets);
      const hidden = Object.fromEntries(Object.entries(whole).filter(([key]) => !(key in store.config)));
      const updated = await draft(id, {
        name: name ?? store.name,
        kind: store.kind,
        config: config ? { ...hidden, ...config } : whole,
        labels: labels?.values ?? current.labels,
      });
      if (!(await stores.replace({ ...updated, createdAt: store.createdAt }))) throw notFound('store', id);
      return { store: toStore({ ...updated, createdAt: store.createdAt }) };
    },

    async deleteStore({ id }) {
      await find(id);
      if (await jobs.hasUnfinished(id)) {
        throw precondition('STORE_HAS_JOBS', 'The store has jobs that are not final: wait for them or cancel them.', {
          id,
        });
      }
      if (!(await stores.delete(id))) throw notFound('store', id);
      return {};
    },

    async testStore({ store }) {
      if (!store)
        throw invalid('INVALID_FIELD', 'Either the id of a store or a draft is required.', { field: 'store' });
      const saved = store.$case === 'id' ? await find(store.value) : undefined;
      const kind = store.$case === 'id' ? saved!.kind : store.value.kind;
      const checks = await tryStore(kind, async () => {
        const tried = saved ?? (await draft(newId(), withConfig(store.value as deploymentV1.StoreDraft)));
        return await openStore(context, tried);
      });
      return { ok: checks.every((check) => check.ok), checks };
    },

    async listStoreEntries({ id }) {
      return await withStore(context, id, async (open) => ({ items: (await open.entries()).map(toEntry) }));
    },
  };
}

function withConfig(
  draft: deploymentV1.StoreDraft | undefined,
): deploymentV1.StoreDraft & { config: Record<string, unknown> } {
  if (!draft) throw invalid('INVALID_FIELD', 'store is required.', { field: 'store' });
  return { ...draft, config: draft.config ?? {} };
}

const ACTIONS: Partial<Record<deploymentV1.DeploymentAction, 'add' | 'remove'>> = {
  [deploymentV1.DeploymentAction.ADD]: 'add',
  [deploymentV1.DeploymentAction.REMOVE]: 'remove',
};

function fromAction(action: deploymentV1.DeploymentAction): 'add' | 'remove' {
  return ACTIONS[action] ?? raise(invalid('INVALID_FIELD', 'action must be add or remove.', { field: 'action' }));
}

const MAX_WAIT_SECONDS = 25;
const DEFAULT_WAIT_SECONDS = 10;
const WAIT_POLL_MS = 25;

function deploymentHandlers(context: DeploymentContext): deploymentV1.DeploymentServiceImplementation {
  return {
    async createDeployment({ action, targets, recurrence, ...request }) {
      const created = await createDeployment(context, {
        ...request,
        action: fromAction(action),
        targets: targets.map(fromTarget),
        recurrence: fromRecurrence(recurrence),
      });
      return { jobs: created.map(toJob) };
    },

    async planDeployment({ certificateId, action, targets }) {
      const plan = await planDeployment(context, {
        certificateId,
        action: fromAction(action),
        targets: targets.map(fromTarget),
      });
      return { plan };
    },
  };
}

function jobHandlers(context: DeploymentContext): deploymentV1.JobServiceImplementation {
  const { jobs, clock, saved } = context;
  const find = async (id: string): Promise<Job> => (await jobs.find(id)) ?? raise(notFound('job', id));
  const move = async (
    id: string,
    from: { states: JobState[]; refuse: (job: Job) => Error },
    to: Omit<Transition, 'at'>,
  ): Promise<Job> => {
    for (;;) {
      const job = await find(id);
      if (!from.states.includes(job.state)) throw from.refuse(job);
      const moved = await jobs.step(job, { ...to, at: clock.now() });
      if (!moved) continue;
      saved();
      return await find(id);
    }
  };
  return {
    async getJob({ id }) {
      return { job: toJob(await find(id)) };
    },

    async listJobs({ status, storeId, certificateId, filter, ...query }) {
      const asked = { status: fromStatus(status), storeId, certificateId };
      const exact = Object.entries(asked).flatMap(([key, value]) => (value ? [{ [key]: value }] : []));
      const { items, nextCursor, total } = await jobs.list({
        ...query,
        filter: [...exact, jobFilter(filter, clock.now())],
      });
      return { items: items.map(toJob), nextCursor, total };
    },

    async waitForJob({ id, seconds }) {
      if (seconds < 0 || seconds > MAX_WAIT_SECONDS)
        throw invalid('INVALID_FIELD', `seconds must be 0 to ${MAX_WAIT_SECONDS}, not ${seconds}.`, {
          field: 'seconds',
        });
      const end = Date.now() + (seconds || DEFAULT_WAIT_SECONDS) * 1_000;
      for (;;) {
        const job = await find(id);
        if (isFinal(job) || Date.now() >= end) return { job: toJob(job) };
        await delay(WAIT_POLL_MS);
      }
    },

    async cancelJob({ id }) {
      const refuse = (job: Job) =>
        precondition('JOB_NOT_CANCELLABLE', `The job is ${job.status}; only a job that waits can be cancelled.`, {
          status: job.status,
        });
      return {
        job: toJob(
          await move(
            id,
            { states: ['queued', 'retry'], refuse },
            { state: 'cancelled', message: 'Cancelled by a caller.' },
          ),
        ),
      };
    },

    async retryJob({ id }) {
      const refuse = (job: Job) =>
        precondition(
          'JOB_NOT_RETRYABLE',
          `The job is ${job.status}; only a failed, cancelled or drifted job can be retried.`,
          { status: job.status },
        );
      const again: Omit<Transition, 'at'> = {
        state: 'queued',
        message: 'Retried by a caller.',
        set: { attempts: 0, dueAt: clock.now() },
        unset: ['intent', 'error'],
      };
      return { job: toJob(await move(id, { states: ['dead', 'cancelled', 'drifted'], refuse }, again)) };
    },
  };
}
