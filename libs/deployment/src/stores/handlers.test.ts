import { readdirSync, symlinkSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deploymentV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeChain } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDeployment, STORE_PASSWORD, type TestDeployment } from '../testing/start-deployment.ts';

const { ADD } = deploymentV1.DeploymentAction;

describe.each(WAYS)('stores %s', (way) => {
  let service: TestDeployment;
  beforeAll(async () => void (service = await startDeployment(way)));
  afterAll(() => service.stop());

  const create = async (store: { name: string; kind?: string; config?: object; labels?: Record<string, string> }) => {
    const draft = { kind: 'pem', config: { certificatePath: `${store.name}.crt` }, ...store };
    return (await service.stores.createStore({ store: draft })).store!;
  };
  const names = async (filter: string) =>
    (await service.stores.listStores({ filter })).items!.map((store) => store.name);
  /** All that the database has on its disk. */
  const onDisk = () => {
    const files = readdirSync(service.databaseFolder).map((name) => readFileSync(join(service.databaseFolder, name)));
    return Buffer.concat(files);
  };

  test('are made, read, listed by name and by filter, changed and forgotten', async () => {
    const b = await create({ name: 'crud b', labels: { machine: 'WEB-1', $where: 'no operator' } });
    const a = await create({ name: 'crud a', kind: 'der', config: { certificatePath: 'a.der' } });
    expect((await service.stores.getStore({ id: b.id })).store).toEqual(b);
    expect(b).toMatchObject({ kind: 'pem', labels: { machine: 'WEB-1', $where: 'no operator' } });
    expect(await names('name -contains "crud"')).toEqual(['crud a', 'crud b']);
    expect(await names('label.machine -eq "web-1"')).toEqual(['crud b']);
    const page = await service.stores.listStores({ filter: 'name -contains "crud"', limit: 1, withTotal: true });
    expect(page).toMatchObject({ items: [{ name: 'crud a' }], total: 2 });
    const updated = (await service.stores.updateStore({ id: b.id, labels: { values: {} } })).store!;
    expect(updated).toEqual({ ...b, labels: {}, updatedAt: updated.updatedAt });
    await service.stores.deleteStore({ id: a.id });
    await expect(service.stores.getStore({ id: a.id })).rejects.toMatchObject({ reason: 'STORE_NOT_FOUND' });
    await expect(service.stores.deleteStore({ id: a.id })).rejects.toMatchObject({ reason: 'STORE_NOT_FOUND' });
  });

  test.each([
    ['a name that is taken', {}, 'STORE_NAME_TAKEN'],
    ['no name', { name: ' ' }, 'INVALID_FIELD'],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, 'INVALID_FIELD'],
    ['101 labels', { labels: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [i, ''])) }, 'INVALID_FIELD'],
    ['a label of 1,001 characters', { labels: { long: 'x'.repeat(1_001) } }, 'INVALID_FIELD'],
    ['an unknown kind', { kind: 'floppy' }, 'UNKNOWN_STORE_KIND'],
    ['a config that is not its kind’s', { config: { colour: 'red' } }, 'INVALID_STORE_CONFIG'],
    ['a path outside of the roots', { config: { certificatePath: '/etc/tls.crt' } }, 'PATH_NOT_ALLOWED'],
  ])('are refused with %s', async (_, wrong, reason) => {
    const before = await names('');
    if (reason === 'STORE_NAME_TAKEN' && !before.includes('taken')) before.push((await create({ name: 'taken' })).name);
    await expect(create({ name: 'taken', ...wrong })).rejects.toMatchObject({ reason });
    expect(await names('')).toEqual(before.sort());
  });

  test('keep their secrets: sealed in the database, never answered, kept where a change leaves them out', async () => {
    const path = 'secret.p12';
    const store = await create({ name: 'secret', kind: 'pkcs12', config: { path, password: STORE_PASSWORD } });
    expect(store.config).toEqual({ path });
    const answers = [await service.stores.getStore({ id: store.id }), await service.stores.listStores({})];
    expect(JSON.stringify(answers)).not.toContain(STORE_PASSWORD);
    expect(onDisk().includes(store.id)).toBe(true);
    expect(onDisk().includes(STORE_PASSWORD)).toBe(false);
    const moved = { id: store.id, config: { path: 'moved.p12' } };
    expect((await service.stores.updateStore(moved)).store!.config).toEqual({ path: 'moved.p12' });
    // The parser of the test opens with this password alone.
    writeFileSync(join(service.folder, 'moved.p12'), (await makeChain('secret.example.com')).leaf.pem);
    expect((await service.stores.testStore({ store: { $case: 'id', value: store.id } })).ok).toBe(true);
    await service.stores.updateStore({ id: store.id, config: { ...moved.config, password: 'canary-other' } });
    await expect(service.stores.listStoreEntries({ id: store.id })).rejects.toMatchObject({ reason: 'WRONG_PASSWORD' });
  });

  test('are tried step by step, saved or not, and nothing is left by it', async () => {
    const trial = async (value: object) =>
      await service.stores.testStore({ store: { $case: 'draft', value: { name: 'x', kind: 'pem', ...value } } });
    const good = await trial({ config: { certificatePath: 'tried.crt' } });
    expect(good.checks!.map(({ name, ok }) => [name, ok])).toEqual([
      ['path', true],
      ['read', true],
      ['write', true],
    ]);
    const outside = await trial({ config: { certificatePath: '/etc/tried.crt' } });
    expect(outside).toMatchObject({ ok: false, checks: [{ name: 'path', ok: false }] });
    expect(await trial({ config: {} })).toMatchObject({ ok: false, checks: [{ name: 'config', ok: false }] });
    expect(await names('name -eq "x"')).toEqual([]);
    expect(readdirSync(service.folder).filter((name) => /tried|tmp/.test(name))).toEqual([]);
    await expect(service.stores.testStore({})).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
  });

  test('show what they hold now, and say when it cannot be read', async () => {
    const { leaf, intermediate } = await makeChain('held.example.com');
    const { id } = await create({ name: 'held', config: { fullChainPath: 'held.pem' } });
    expect((await service.stores.listStoreEntries({ id })).items).toEqual([]);
    writeFileSync(join(service.folder, 'held.pem'), leaf.pem + intermediate.pem);
    const { fingerprintSha256 } = readCertificate(leaf.der);
    expect((await service.stores.listStoreEntries({ id })).items).toMatchObject([
      { alias: '', fingerprintSha256, subject: 'CN=held.example.com', hasPrivateKey: false, chainLength: 1 },
    ]);
    writeFileSync(join(service.folder, 'held.pem'), 'not a certificate');
    await expect(service.stores.listStoreEntries({ id })).rejects.toMatchObject({ reason: 'STORE_UNREADABLE' });
  });

  test('are not forgotten while a job of them waits', async () => {
    const id = await service.addPem('busy');
    const certificateId = service.inventory.add((await makeChain('busy.example.com')).leaf);
    const { jobs } = await service.deployments.createDeployment({
      certificateId,
      action: ADD,
      targets: [{ storeId: id }],
    });
    await expect(service.stores.deleteStore({ id })).rejects.toMatchObject({ reason: 'STORE_HAS_JOBS' });
    await service.jobs.cancelJob({ id: jobs![0]!.id });
    await service.stores.deleteStore({ id });
  });

  test('do not share a file: not when they are made, tried or changed, whatever the path is called', async () => {
    const { id } = await create({ name: 'first', config: { fullChainPath: 'shared.crt', keyPath: 'shared.key' } });
    const taken = { reason: 'STORE_PLACE_TAKEN', message: expect.stringContaining('"first"') as string };
    const again = { name: 'second', config: { certificatePath: 'other/../shared.key' } };
    await expect(create(again)).rejects.toMatchObject(taken);
    symlinkSync('.', join(service.folder, 'alias'));
    const otherKind = { kind: 'der', config: { certificatePath: 'alias/shared.crt' } };
    await expect(create({ name: 'second', ...otherKind })).rejects.toMatchObject(taken);
    const draft = { name: 'second', kind: 'pkcs12', config: { path: 'shared.crt', password: STORE_PASSWORD } };
    const tried = await service.stores.testStore({ store: { $case: 'draft', value: draft } });
    expect(tried.ok).toBe(false);
    const second = await create({ name: 'second', config: { certificatePath: 'second.crt' } });
    const moved = { id: second.id, config: { certificatePath: 'shared.crt' } };
    await expect(service.stores.updateStore(moved)).rejects.toMatchObject(taken);
    await service.stores.updateStore({ id, config: { fullChainPath: 'shared.crt' } });
    await create({ name: 'third', config: { certificatePath: 'shared.key' } });
    await service.stores.deleteStore({ id });
    await service.stores.updateStore(moved);
  });

  test('of which two are made at once do not share a file either', async () => {
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].map((name) => create({ name: `race ${name}`, config: { certificatePath: 'race.crt' } })),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ reason: 'STORE_PLACE_TAKEN' });
  });

  test('of many trusted certificates name each by its thumbprint', async () => {
    const { id } = await create({ name: 'trust', config: { certificatePath: 'trust.pem', trustStore: true } });
    const { leaf } = await makeChain('trusted.example.com');
    const certificateId = service.inventory.add(leaf);
    const target = { certificateId, action: ADD, targets: [{ storeId: id, alias: 'what somebody would like' }] };
    const { jobs } = await service.deployments.createDeployment(target);
    expect(jobs![0]).toMatchObject({ alias: readCertificate(leaf.der).thumbprint, includePrivateKey: false });
    await service.jobs.cancelJob({ id: jobs![0]!.id });
  });
});
