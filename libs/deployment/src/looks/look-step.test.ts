import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { deploymentV1 } from '@certferry/contracts';
import { makeCertificate, makeChain, type TestCertificate } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { serveTls, type ChangingServer } from '../testing/changing-server.ts';
import { startDeployment, type TestDeployment } from '../testing/start-deployment.ts';

const { ADD, REMOVE } = deploymentV1.DeploymentAction;
const { SUCCEEDED, FAILED } = deploymentV1.JobStatus;
const fingerprintOf = ({ der }: TestCertificate) => readCertificate(der).fingerprintSha256;

let service: TestDeployment;
beforeAll(async () => {
  service = await startDeployment('in process');
  await service.work();
});
afterAll(() => service.stop());

const servers: ChangingServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.stop();
});

async function serve(chain: TestCertificate[]): Promise<ChangingServer> {
  const server = await serveTls(chain);
  servers.push(server);
  return server;
}

let count = 0;
/** A store of a full chain and its key, served there. */
async function addStore(endpoints: object): Promise<{ storeId: string; path: string }> {
  const name = `look-${count++}`;
  const config = { fullChainPath: `${name}.pem`, keyPath: `${name}.key` };
  const { store } = await service.stores.createStore({ store: { name, kind: 'pem', config, endpoints } });
  return { storeId: store!.id, path: join(service.folder, `${name}.pem`) };
}

async function deploy(storeId: string, certificateId: string, more: { action?: typeof ADD | typeof REMOVE } = {}) {
  const asked = { certificateId, action: more.action ?? ADD, targets: [{ storeId, overwrite: true }] };
  const { jobs } = await service.deployments.createDeployment(asked);
  return (await service.jobs.waitForJob({ id: jobs![0]!.id, seconds: 20 })).job!;
}

describe('the look at what is served', () => {
  let chain: { leaf: TestCertificate; intermediate: TestCertificate; root: TestCertificate };
  let old: TestCertificate;
  let id: string;
  beforeAll(async () => {
    chain = await makeChain('look.example.com');
    old = await makeCertificate({ commonName: 'look.example.com' });
    id = service.inventory.add(chain.leaf, { chain: [chain.intermediate, chain.root] });
  });

  test('finds what was written, with or without the root, and says so in the job', async () => {
    const { leaf, intermediate, root } = chain;
    const without = await serve([leaf, intermediate]);
    const whole = await serve([leaf, intermediate, root]);
    const items = [{ address: without.address, serverName: 'look.example.com' }, { address: whole.address }];
    const job = await deploy((await addStore({ items })).storeId, id);
    expect(job).toMatchObject({ status: SUCCEEDED, error: undefined });
    const ok = { ok: true, attempts: 1, fingerprintSha256: fingerprintOf(leaf), problem: '' };
    expect(job.look).toMatchObject([
      { ...ok, address: without.address, serverName: 'look.example.com', subject: 'CN=look.example.com' },
      { ...ok, address: whole.address, serverName: '' },
    ]);
    expect(job.look[0]!.at).toBeInstanceOf(Date);
  });

  test('waits as long as its grace for a server that takes its time', async () => {
    const { leaf, intermediate } = chain;
    const server = await serve([old]);
    server.onConnection = () => {
      if (server.connections === 3) server.show([leaf, intermediate]);
    };
    const { storeId } = await addStore({ items: [{ address: server.address }], graceSeconds: 3, attempts: 16 });
    const job = await deploy(storeId, id);
    expect(job.status).toBe(SUCCEEDED);
    expect(job.look).toMatchObject([{ ok: true, attempts: server.connections }]);
    expect(server.connections).toBeGreaterThanOrEqual(3);
  });

  test('fails a job whose certificate is not served in time: what was served, where, how often', async () => {
    const server = await serve([old]);
    const { storeId, path } = await addStore({ items: [{ address: server.address }], graceSeconds: 1, attempts: 3 });
    const job = await deploy(storeId, id);
    expect(job).toMatchObject({ status: FAILED, attempts: 1, error: { reason: 'NOT_SERVED', retryable: false } });
    expect(job.error!.message).toBe(
      `What the store holds is not served. ${server.address}, looked at 3 times: It shows CN=look.example.com (SHA-256 ${fingerprintOf(old)}).`,
    );
    const shown = { ok: false, attempts: 3, fingerprintSha256: fingerprintOf(old), subject: 'CN=look.example.com' };
    expect(job.look).toMatchObject([{ address: server.address, ...shown }]);
    expect(server.connections).toBe(3);
    // It was written, and nobody said that it be undone.
    expect(job.changes).toHaveLength(2);
    expect(readFileSync(path, 'utf8')).toContain(chain.leaf.pem.trim());
  });

  test('fails where the chain is another than was written, and where nobody answers', async () => {
    const alone = await serve([chain.leaf]);
    const gone = await serve([chain.leaf]);
    gone.stop();
    const endpoints = { items: [{ address: alone.address }, { address: gone.address }], graceSeconds: 0 };
    const job = await deploy((await addStore(endpoints)).storeId, id);
    expect(job).toMatchObject({ status: FAILED, error: { reason: 'NOT_SERVED' } });
    expect(job.look).toMatchObject([
      { ok: false, problem: 'It shows the certificate with another chain than was written: none at all.' },
      { ok: false, problem: expect.stringContaining('ECONNREFUSED') as string, fingerprintSha256: '' },
    ]);
  });

  test('one bad endpoint of two is enough', async () => {
    const good = await serve([chain.leaf, chain.intermediate]);
    const bad = await serve([old]);
    const endpoints = { items: [{ address: good.address }, { address: bad.address }], graceSeconds: 0 };
    const job = await deploy((await addStore(endpoints)).storeId, id);
    expect([job.status, job.look.map(({ ok }) => ok)]).toEqual([FAILED, [true, false]]);
    expect(job.error!.message).not.toContain(good.address);
  });

  test('is made too when the store already is as asked, and not when an entry was removed', async () => {
    const server = await serve([chain.leaf, chain.intermediate]);
    const { storeId, path } = await addStore({ items: [{ address: server.address }], graceSeconds: 0 });
    expect((await deploy(storeId, id)).status).toBe(SUCCEEDED);
    server.show([old]);
    const again = await deploy(storeId, id);
    expect(again).toMatchObject({ status: FAILED, changes: [], error: { reason: 'NOT_SERVED' } });
    expect(server.connections).toBe(2);
    expect(await deploy(storeId, id, { action: REMOVE })).toMatchObject({ status: SUCCEEDED, look: [] });
    expect([existsSync(path), server.connections]).toEqual([false, 2]);
  });

  test('a retry by hand looks again', async () => {
    const server = await serve([old]);
    const { storeId } = await addStore({ items: [{ address: server.address }], graceSeconds: 0 });
    const { id: jobId } = await deploy(storeId, id);
    server.show([chain.leaf, chain.intermediate]);
    await service.jobs.retryJob({ id: jobId });
    const { job } = await service.jobs.waitForJob({ id: jobId, seconds: 20 });
    expect(job).toMatchObject({ status: SUCCEEDED, error: undefined, look: [{ ok: true }] });
  });
});

describe('the endpoints of a store', () => {
  const items = [{ address: '127.0.0.1:443' }];

  test('have defaults, are kept by changes of something else, are replaced and taken away', async () => {
    const { storeId: id } = await addStore({ items });
    const get = async () => (await service.stores.getStore({ id })).store!;
    const defaults = { graceSeconds: 30, attempts: 16, onMismatch: 'fail' };
    const item = { address: '127.0.0.1:443', serverName: '', alias: '' };
    expect((await get()).endpoints).toEqual({ ...defaults, items: [item] });
    await service.stores.updateStore({ id, labels: { values: { a: 'b' } } });
    expect((await get()).endpoints).toEqual({ ...defaults, items: [item] });
    const endpoints = { items: [{ address: 'smtp://127.0.0.1' }], graceSeconds: 0, onMismatch: 'rollback' };
    await service.stores.updateStore({ id, endpoints });
    expect((await get()).endpoints).toMatchObject({ ...endpoints, attempts: 16 });
    await service.stores.updateStore({ id, endpoints: { items: [] } });
    expect((await get()).endpoints).toBeUndefined();
  });

  test.each([
    ['an address that is none', { items: [{ address: 'http://' }] }, 'INVALID_FIELD'],
    ['an address where nobody may go', { items: [{ address: '10.0.0.1:443' }] }, 'ADDRESS_NOT_ALLOWED'],
    ['21 endpoints', { items: Array.from({ length: 21 }, () => items[0]) }, 'INVALID_FIELD'],
    ['a grace of 121 s', { items, graceSeconds: 121 }, 'INVALID_FIELD'],
    ['no attempts', { items, attempts: 0 }, 'INVALID_FIELD'],
    ['another wish', { items, onMismatch: 'pray' }, 'INVALID_FIELD'],
  ])('are refused with %s', async (_, endpoints, reason) => {
    await expect(addStore(endpoints)).rejects.toMatchObject({ reason });
  });

  test('may be at a host that DNS does not know yet', async () => {
    await addStore({ items: [{ address: 'not-yet.invalid:443' }] });
  });
});
