import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deploymentV1 } from '@certferry/contracts';
import { newId } from '@certferry/core';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate, makeChain, type TestCertificate } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDeployment, type TestDeployment } from '../testing/start-deployment.ts';

const { ADD, REMOVE } = deploymentV1.DeploymentAction;
const { SUCCEEDED, FAILED } = deploymentV1.JobStatus;
const YEAR_2025 = new Date('2025-06-01T00:00:00Z');

describe.each(WAYS)('what is deployed is looked at first %s', (way) => {
  let service: TestDeployment;
  beforeAll(async () => {
    service = await startDeployment(way);
    await service.work();
  });
  afterAll(() => service.stop());

  const file = (name: string) => join(service.folder, name);
  const addStore = async (policy?: object) => {
    const name = newId();
    const store = { name, kind: 'pem', config: { combinedPath: `${name}.pem` }, policy };
    return { storeId: (await service.stores.createStore({ store })).store!.id, path: file(`${name}.pem`) };
  };
  const take = async (commonName: string, options: { withKey?: boolean; notAfter?: Date } = {}) => {
    const { intermediate, root } = await makeChain(commonName);
    const leaf = await makeCertificate({ commonName, issuer: intermediate, ...options });
    return { leaf, id: service.inventory.add(leaf, { ...options, chain: [intermediate, root] }) };
  };
  type Target = Omit<deploymentV1.DeploymentTarget, 'storeId' | 'alias' | 'includePrivateKey' | 'thumbprint'>;
  const asked = (certificateId: string, storeId: string, target: Partial<Target> = {}) => ({
    ...{ certificateId, action: ADD as deploymentV1.DeploymentAction },
    targets: [{ storeId, overwrite: true, ...target }],
  });
  const plan = async (request: ReturnType<typeof asked>) =>
    (await service.deployments.planDeployment(request)).plan![0]!;
  const run = async (request: ReturnType<typeof asked>) => {
    const { jobs } = await service.deployments.createDeployment(request);
    return (await service.jobs.waitForJob({ id: jobs![0]!.id, seconds: 20 })).job!;
  };
  const fill = (path: string, { pem, keyPem }: TestCertificate) => writeFileSync(path, pem + keyPem);

  test('a key is not taken away unless that is asked for', async () => {
    const { storeId, path } = await addStore();
    const old = await take('key.example.com');
    fill(path, old.leaf);
    const keyless = await take('key.example.com', { withKey: false });
    const refused = asked(keyless.id, storeId);
    const planned = await plan(refused);
    expect(planned).toMatchObject({
      problem: expect.stringContaining('without its private key'),
      held: { subject: 'CN=key.example.com', hasPrivateKey: true },
      findings: [{ rule: 'keyRemoval', severity: 'refuse' }],
    });
    // Force is for the policy alone.
    for (const request of [refused, asked(keyless.id, storeId, { force: true })]) {
      expect(await run(request)).toMatchObject({
        status: FAILED,
        error: { reason: 'KEY_REMOVAL', retryable: false },
        findings: [{ rule: 'keyRemoval', severity: 'refuse' }],
      });
      expect(readFileSync(path, 'utf8')).toContain(old.leaf.keyPem.trim());
    }
    const allowed = asked(keyless.id, storeId, { allowKeyRemoval: true });
    expect(await plan(allowed)).toMatchObject({ problem: '', findings: [{ rule: 'keyRemoval', severity: 'warn' }] });
    expect(await run(allowed)).toMatchObject({ status: SUCCEEDED, allowKeyRemoval: true, forced: false });
    expect(readFileSync(path, 'utf8')).not.toContain('PRIVATE KEY');
  });

  test('what the policy refuses is not written, before nor after, until somebody forces it', async () => {
    const { storeId, path } = await addStore();
    const expired = await take('late.example.com', { notAfter: YEAR_2025 });
    const request = asked(expired.id, storeId);
    const finding = { rule: 'expired', severity: 'refuse', message: 'It expired on 2025-06-01.' };
    expect(await plan(request)).toMatchObject({
      problem: expect.stringContaining('It expired on 2025-06-01.'),
      findings: [finding],
    });
    expect(await run(request)).toMatchObject({
      status: FAILED,
      error: { reason: 'REFUSED_BY_POLICY' },
      findings: [finding],
    });
    expect(() => readFileSync(path)).toThrow('ENOENT');
    const forced = await run(asked(expired.id, storeId, { force: true }));
    expect(forced).toMatchObject({ status: SUCCEEDED, forced: true, findings: [finding] });
    expect(forced.timeline.find(({ step }) => step === 'intent')?.message).toBe(
      'Forced, against the store’s policy: It expired on 2025-06-01.',
    );
    // What is there already changes nothing, and is nobody's to refuse.
    expect(await run(request)).toMatchObject({ status: SUCCEEDED, changes: [] });
  });

  test('a store has a policy of its own, kept until it is changed', async () => {
    const { storeId } = await addStore({ expired: 'warn', chain: 'allow' });
    const { store } = await service.stores.getStore({ id: storeId });
    expect(store!.policy).toEqual({
      ...{ expired: 'warn', notYetValid: 'warn', weak: 'warn', chain: 'allow', names: 'refuse' },
    });
    const expired = await take('own.example.com', { notAfter: YEAR_2025 });
    const selfSigned = service.inventory.add(await makeCertificate({ commonName: 'own.example.com' }));
    expect(await run(asked(expired.id, storeId))).toMatchObject({
      status: SUCCEEDED,
      findings: [{ rule: 'expired', severity: 'warn' }],
    });
    expect((await plan(asked(selfSigned, storeId))).findings).toEqual([]);
    await service.stores.updateStore({ id: storeId, labels: { values: {} } });
    expect((await service.stores.getStore({ id: storeId })).store!.policy).toEqual(store!.policy);
    await service.stores.updateStore({ id: storeId, policy: { chain: 'refuse' } });
    expect(await plan(asked(selfSigned, storeId))).toMatchObject({ problem: expect.stringContaining('self-signed') });
    await expect(service.stores.updateStore({ id: storeId, policy: { names: 'x' } })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
    });
  });

  test('one that is for none of the names of what it replaces is refused, one that shares a name is not', async () => {
    const { storeId, path } = await addStore();
    fill(path, (await take('*.names.example.com')).leaf);
    const other = await take('other.example.com');
    expect(await run(asked(other.id, storeId))).toMatchObject({
      error: { reason: 'REFUSED_BY_POLICY', message: expect.stringContaining('none of the names') },
    });
    expect(await run(asked((await take('www.names.example.com')).id, storeId))).toMatchObject({ status: SUCCEEDED });
  });

  test('a plan says what is there, and that its key would be lost', async () => {
    const { storeId, path } = await addStore();
    const foreign = await makeCertificate({ commonName: 'lost.example.com' });
    fill(path, foreign);
    const renewal = await take('lost.example.com');
    const unknown = { rule: 'unknownKey', severity: 'warn', message: expect.stringContaining('CN=lost.example.com') };
    const planned = await plan(asked(renewal.id, storeId));
    expect(planned).toMatchObject({ problem: '', findings: [unknown] });
    const { fingerprintSha256, subject, notAfter } = readCertificate(foreign.der);
    expect(planned.held).toEqual({ fingerprintSha256, subject, notAfter, hasPrivateKey: true });
    expect((await plan({ ...asked('', storeId), action: REMOVE })).findings).toMatchObject([unknown]);
    service.inventory.add(foreign);
    expect((await plan(asked(renewal.id, storeId))).findings).toEqual([]);
  });

  test('a recurring deployment goes on as it was asked for', async () => {
    const { storeId } = await addStore();
    const expired = await take('again.example.com', { notAfter: YEAR_2025 });
    const target = { force: true, allowKeyRemoval: true };
    const { jobs } = await service.deployments.createDeployment({
      ...asked(expired.id, storeId, target),
      recurrence: { everyMinutes: 60 },
    });
    await service.jobs.waitForJob({ id: jobs![0]!.id, seconds: 20 });
    const next = async () =>
      (await service.jobs.listJobs({ storeId })).items!.find(({ previousJobId }) => previousJobId === jobs![0]!.id);
    await expect.poll(next, { timeout: 5_000 }).toMatchObject({ forced: true, allowKeyRemoval: true });
  });
});
