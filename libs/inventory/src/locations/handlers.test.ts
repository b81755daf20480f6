import { AppError, notFound } from '@certferry/core';
import { deploymentV1, inventoryV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

const { ADD, REMOVE } = deploymentV1.DeploymentAction;

interface FakeStore {
  name: string;
  kind: string;
  /** By alias; an error when it cannot be read. */
  entries: Record<string, { fingerprintSha256: string; hasPrivateKey: boolean }> | AppError;
}

describe.each(WAYS)('locations %s', (way) => {
  let inventory: TestInventory;
  let certificateId: string;
  let fingerprintSha256: string;
  /** Newest first, as they are listed. */
  let jobs: { id: string; storeId: string; alias: string; action: deploymentV1.DeploymentAction; updatedAt: Date }[];
  let stores: Map<string, FakeStore>;
  let asked: deploymentV1.ListJobsRequest[];
  let reading: { now: number; most: number };

  beforeEach(async () => {
    [jobs, stores, asked, reading] = [[], new Map(), [], { now: 0, most: 0 }];
    const get = (id: string): FakeStore => {
      const store = stores.get(id);
      if (!store) throw notFound('store', id);
      return store;
    };
    inventory = await startInventory(way, {
      jobs: {
        listJobs: async (request) => {
          asked.push(request);
          const from = Number(request.cursor || 0);
          const items = jobs.slice(from, from + request.limit);
          const next = from + items.length;
          return { items, nextCursor: next < jobs.length ? `${next}` : '' };
        },
      },
      stores: {
        getStore: async ({ id }) => ({ store: { id, ...get(id) } }),
        listStoreEntries: async ({ id }) => {
          reading.most = Math.max(reading.most, ++reading.now);
          await new Promise((resolve) => setTimeout(resolve, 5));
          reading.now--;
          const { entries } = get(id);
          if (entries instanceof AppError) throw entries;
          return { items: Object.entries(entries).map(([alias, entry]) => ({ alias, ...entry })) };
        },
      },
    });
    const [item] = await inventory.take((await makeCertificate({ commonName: 'located.example.com' })).pem);
    ({ certificateId, fingerprintSha256 } = item!);
  });
  afterEach(() => inventory.stop());

  const job = (
    id: string,
    storeId: string,
    { alias = '', action = ADD as deploymentV1.DeploymentAction, day = 1 } = {},
  ) => jobs.push({ id, storeId, alias, action, updatedAt: new Date(Date.UTC(2026, 9, day)) });
  const here = (hasPrivateKey = true) => ({ fingerprintSha256, hasPrivateKey });
  const list = async () =>
    (await inventory.client(inventoryV1.LocationServiceDefinition).listLocations({ certificateId })).items;

  test('are what the stores say now, by name and alias, each with the job that put it there', async () => {
    stores.set('s1', {
      name: 'shop',
      kind: 'pkcs12',
      entries: { b: here(), a: here(false), c: { ...here(), fingerprintSha256: 'other' } },
    });
    stores.set('s2', { name: 'cafe', kind: 'pem', entries: { '': here() } });
    stores.set('s3', { name: 'emptied', kind: 'pem', entries: {} });
    job('j4', 's1', { alias: 'b', day: 4 });
    job('j3', 's1', { alias: 'a', day: 3 });
    job('j2', 's2', { day: 2 });
    job('j1', 's1', { alias: 'b' });
    job('j0', 's3');
    const at = (day: number) => new Date(Date.UTC(2026, 9, day));
    const common = { certificateId, problem: '', verifiedAt: new Date('2026-11-01T12:00:00Z') };
    const shop = { ...common, storeId: 's1', storeName: 'shop', storeKind: 'pkcs12' };
    expect(await list()).toEqual([
      {
        ...common,
        storeId: 's2',
        storeName: 'cafe',
        storeKind: 'pem',
        alias: '',
        hasPrivateKey: true,
        jobId: 'j2',
        deployedAt: at(2),
      },
      { ...shop, alias: 'a', hasPrivateKey: false, jobId: 'j3', deployedAt: at(3) },
      { ...shop, alias: 'b', hasPrivateKey: true, jobId: 'j4', deployedAt: at(4) },
    ]);
    expect(asked).toMatchObject([{ certificateId, status: deploymentV1.JobStatus.SUCCEEDED }]);
  });

  test('a store that cannot be read is one with its problem, for each alias that was not taken out again', async () => {
    const entries = new AppError({
      code: 'FAILED_PRECONDITION',
      reason: 'STORE_UNREADABLE',
      message: 'Permission denied.',
    });
    stores.set('s1', { name: 'shop', kind: 'pkcs12', entries });
    job('j3', 's1', { alias: 'old', action: REMOVE, day: 3 });
    job('j2', 's1', { alias: 'web', day: 2 });
    job('j1', 's1', { alias: 'old' });
    expect(await list()).toEqual([
      {
        certificateId,
        storeId: 's1',
        storeName: 'shop',
        storeKind: 'pkcs12',
        alias: 'web',
        hasPrivateKey: false,
        jobId: 'j2',
        deployedAt: new Date(Date.UTC(2026, 9, 2)),
        verifiedAt: undefined,
        problem: 'Permission denied.',
      },
    ]);
  });

  test('a store that was forgotten is none; what nobody foresaw is an error, not a location', async () => {
    job('j2', 'forgotten');
    expect(await list()).toEqual([]);
    job('j1', 's1');
    const entries = new AppError({ code: 'INTERNAL', reason: 'INTERNAL', message: 'bug' });
    stores.set('s1', { name: 'shop', kind: 'pem', entries });
    await expect(list()).rejects.toMatchObject({ code: 'INTERNAL' });
  });

  test('a store of long ago is found behind any number of later jobs, and few stores are read at a time', async () => {
    for (let i = 0; i < 1_200; i++) job(`j${i}`, `s${i % 30}`, { alias: 'web' });
    job('first', 'old', { alias: 'web' });
    for (let i = 0; i < 30; i++) stores.set(`s${i}`, { name: `s${i}`, kind: 'pkcs12', entries: { web: here() } });
    stores.set('old', { name: 'a', kind: 'pkcs12', entries: { web: here() } });
    const found = await list();
    expect([found.length, found[0]!.storeId, found[0]!.jobId]).toEqual([31, 'old', 'first']);
    expect(asked).toHaveLength(3);
    expect(reading.most).toBe(8);
  });

  test('of a certificate that is not there', async () => {
    certificateId = 'nobody';
    await expect(list()).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'CERTIFICATE_NOT_FOUND' });
  });
});
