import { AppError } from '@certferry/core';
import { deploymentV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

const { ADD } = deploymentV1.DeploymentAction;

describe.each(WAYS)('a certificate that is used %s', (way) => {
  let inventory: TestInventory;
  let id: string;
  let fingerprintSha256: string;
  /** Store ids of jobs that have succeeded, and of jobs that wait. */
  let jobs: { done: string[]; waiting: string[] };
  let down: boolean;
  /** Ids of stores that hold it, and of those that cannot be read. */
  let stores: { holding: string[]; broken: string[] };

  beforeEach(async () => {
    jobs = { done: [], waiting: [] };
    stores = { holding: [], broken: [] };
    down = false;
    inventory = await startInventory(way, {
      jobs: {
        listJobs: async ({ filter, certificateId }) => {
          if (down) throw new AppError({ code: 'UNAVAILABLE', reason: 'DOWN', message: 'down' });
          expect(certificateId).toBe(id);
          const found = filter.includes('"retrying"') ? jobs.waiting : [];
          return { items: await Promise.resolve(found.map((storeId) => ({ id: storeId, storeId, action: ADD }))) };
        },
      },
      stores: {
        getStore: (store) => Promise.resolve({ store: { id: store.id, name: `store ${store.id}` } }),
      },
      places: {
        listPlaces: ({ fingerprintsSha256, verify }) => {
          expect([fingerprintsSha256, verify]).toEqual([[fingerprintSha256], true]);
          const known = jobs.done.filter((one) => [...stores.holding, ...stores.broken].includes(one));
          const items = known.map((storeId) => ({
            ...{ storeId, storeName: `store ${storeId}`, fingerprintSha256 },
            problem: stores.broken.includes(storeId) ? 'no' : '',
          }));
          return Promise.resolve({ items });
        },
      },
    });
    const [item] = await inventory.take((await makeCertificate({ commonName: 'used.example.com' })).pem);
    ({ certificateId: id, fingerprintSha256 } = item!);
  });
  afterEach(() => inventory.stop());

  const remove = (force = false) => inventory.certificates.deleteCertificate({ id, force });
  const isThere = () =>
    inventory.certificates.getCertificate({ id }).then(
      () => true,
      () => false,
    );
  const refused = (message: string, details: object) => ({
    code: 'FAILED_PRECONDITION',
    reason: 'CERTIFICATE_DEPLOYED',
    message: expect.stringContaining(message),
    details: expect.objectContaining(details),
  });

  test('is deleted where it is in no store any more', async () => {
    jobs.done = ['1'];
    await remove();
    expect(await isThere()).toBe(false);
  });

  test('is not deleted while a store holds it, and the answer names the stores', async () => {
    jobs.done = ['1', '2', '3'];
    stores.holding = ['1', '3'];
    await expect(remove()).rejects.toMatchObject(
      refused('it is in the stores "store 1", "store 3"', { stores: '["store 1","store 3"]', waiting: '[]' }),
    );
    expect(await isThere()).toBe(true);
    await remove(true);
    expect(await isThere()).toBe(false);
  });

  test('is not deleted where a store cannot be read: it may hold it', async () => {
    jobs.done = ['1'];
    stores.broken = ['1'];
    await expect(remove()).rejects.toMatchObject(refused('the store "store 1"', { stores: '["store 1"]' }));
  });

  test('is not deleted while a job of it waits', async () => {
    jobs.waiting = ['4', '4', '5', '6', '7', '8', '9'];
    await expect(remove()).rejects.toMatchObject(
      refused('jobs of it wait for the stores "store 4", "store 5", "store 6", "store 7", "store 8" and 1 more', {}),
    );
    expect(await isThere()).toBe(true);
  });

  test('is not deleted where nobody can say whether it is used, but by force', async () => {
    down = true;
    await expect(remove()).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(await isThere()).toBe(true);
    await remove(true);
    expect(await isThere()).toBe(false);
  });
});
