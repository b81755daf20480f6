import { randomUUID } from 'node:crypto';
import { inventoryV1 } from '@certferry/contracts';
import { backgroundContext, withCallContext } from '@certferry/rpc';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate, makeChain } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

const { CREATED, UPDATED, UNCHANGED, FAILED } = inventoryV1.ImportResult;

describe.each(WAYS)('imports %s', (way) => {
  let inventory: TestInventory;
  beforeEach(async () => void (inventory = await startInventory(way)));
  afterEach(() => inventory.stop());

  type Options = Omit<Parameters<TestInventory['imports']['importCertificates']>[0], 'content'>;
  const send = async (pem: string[], options: Options = {}): Promise<inventoryV1.Import> =>
    (await inventory.imports.importCertificates({ content: Buffer.from(pem.join('')), ...options })).import!;
  const results = ({ items }: inventoryV1.Import) => items.map(({ result }) => result);
  const find = async (id: string) => (await inventory.certificates.getCertificate({ id })).certificate!;
  const count = async () => (await inventory.certificates.listCertificates({ withTotal: true, limit: 1 })).total;
  const stored = async (collection: string) =>
    await inventory.database.connection.collection(collection).countDocuments();

  test('what is new is created with its key, and is unchanged the second time', async () => {
    const { leaf, intermediate, root } = await makeChain('new.example.com');
    const pem = [leaf.pem, leaf.keyPem, intermediate.pem, root.pem];
    const first = await send(pem);
    expect(first).toMatchObject({ status: 'completed', format: 'pem', chains: [{ indexes: [0, 2, 3] }] });
    expect(first).toMatchObject({ created: 3, updated: 0, unchanged: 0, failed: 0 });
    expect(
      first.items.map(({ index, result, hasPrivateKey, issuer }) => [index, result, hasPrivateKey, issuer]),
    ).toEqual([
      [0, CREATED, true, false],
      [2, CREATED, false, true],
      [3, CREATED, false, true],
    ]);
    const second = await send(pem);
    expect(results(second)).toEqual([UNCHANGED, UNCHANGED, UNCHANGED]);
    expect(second.items.map((item) => item.certificateId)).toEqual(first.items.map((item) => item.certificateId));
    expect(new Set(first.items.map((item) => item.certificateNumber)).size).toBe(3);
    await vi.waitFor(() => expect(inventory.events).toHaveLength(3));
    expect(inventory.events.map(({ type, subject }) => [type, subject]).sort()).toEqual(
      first.items.map((item) => ['certferry.inventory.certificate.created', item.certificateId]).sort(),
    );
    expect((await inventory.imports.getImport({ id: first.id })).import).toEqual(first);
    await expect(inventory.imports.getImport({ id: 'none' })).rejects.toMatchObject({ reason: 'IMPORT_NOT_FOUND' });
  });

  test('it is kept who asked for it and by which request, and who created the certificates', async () => {
    const requestId = randomUUID();
    const { pem } = await makeCertificate({ commonName: 'asked.example.com' });
    const context = backgroundContext({ principal: { id: 'key-7' }, requestId });
    const done = await withCallContext(context, () => send([pem]));
    const kept = (await inventory.imports.getImport({ id: done.id })).import!;
    expect([kept.requestedBy, kept.requestId]).toEqual(['key-7', requestId]);
    expect(await find(kept.items[0]!.certificateId)).toMatchObject({ createdBy: 'key-7' });
    expect(await inventory.database.connection.collection('imports').findOne({})).toMatchObject({
      requestedBy: 'key-7',
      requestId,
    });
  });

  test('name, notes, metadata and tags go to the leaves, and update them the next time', async () => {
    const { leaf, intermediate } = await makeChain('described.example.com');
    const describe = { notes: 'n', metadata: { values: { b: '2', a: '1' } }, tags: { values: ['t', 't'] } };
    const first = await send([leaf.pem, intermediate.pem], { ...describe, name: 'Shop', filePath: '/in/shop.pem' });
    const [shop, issuer] = await Promise.all(first.items.map((item) => find(item.certificateId)));
    expect(shop).toMatchObject({ name: 'Shop', notes: 'n', metadata: { a: '1', b: '2' }, tags: ['t'] });
    expect(issuer).toMatchObject({ name: 'Issuer of described.example.com', notes: '', metadata: {}, tags: [] });
    expect([shop!.filePath, issuer!.filePath]).toEqual(['/in/shop.pem', '/in/shop.pem']);
    const second = await send([leaf.pem], { ...describe, notes: 'm', tags: { values: [] } });
    expect(second.items).toMatchObject([{ result: UPDATED, changes: ['notes', 'tags'] }]);
    expect(await find(second.items[0]!.certificateId)).toMatchObject({ name: 'Shop', notes: 'm', tags: [] });
    await expect(send([leaf.pem], { name: '' })).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
  });

  test('a key may come later, with its certificate or alone; one without a certificate fails', async () => {
    const made = await Promise.all(
      ['later', 'alone', 'stray'].map((name) => makeCertificate({ commonName: `${name}.example.com` })),
    );
    const [later, alone, stray] = made as [(typeof made)[0], (typeof made)[0], (typeof made)[0]];
    const before = await send([later.pem, alone.pem]);
    expect(before.items.map((item) => item.hasPrivateKey)).toEqual([false, false]);
    const after = await send([later.keyPem, later.pem, alone.keyPem, stray.keyPem]);
    expect(after.items).toMatchObject([
      { index: 1, result: UPDATED, changes: ['key'], certificateId: before.items[0]!.certificateId },
      { index: 2, result: UPDATED, changes: ['key'], certificateId: before.items[1]!.certificateId },
      { index: 3, result: FAILED, reason: 'NO_CERTIFICATE_FOR_KEY' },
    ]);
    const material = inventory.client(inventoryV1.MaterialServiceDefinition);
    for (const [position, { keyDer }] of [later, alone].entries()) {
      const id = before.items[position]!.certificateId;
      const { privateKey } = await material.getCertificateMaterial({ id, includePrivateKey: true });
      expect(Buffer.from(privateKey)).toEqual(keyDer);
    }
  });

  test('what cannot be read fails alone; of a container that cannot be opened nothing is kept', async () => {
    const { pem } = await makeCertificate({ commonName: 'good.example.com' });
    const bad = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    const done = await send([bad, pem]);
    expect(done).toMatchObject({ status: 'partial', created: 1, updated: 0, unchanged: 0, failed: 1 });
    const again = await send([pem], { createOnly: true });
    expect(again).toMatchObject({ status: 'failed', created: 0, updated: 0, unchanged: 0, failed: 1 });
    expect((await inventory.imports.getImport({ id: done.id })).import).toEqual(done);
    expect(done.items).toMatchObject([
      { index: 0, result: FAILED, reason: 'MALFORMED', certificateId: '' },
      { index: 1, result: CREATED },
    ]);
    await expect(send([pem], { password: 'wrong' })).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      reason: 'WRONG_PASSWORD',
    });
    expect(await stored('imports')).toBe(2);
  });

  test('a dry run answers what would happen, and keeps nothing', async () => {
    const [known, fresh] = await Promise.all(
      ['known', 'fresh'].map((name) => makeCertificate({ commonName: `${name}.example.com` })),
    );
    await send([known!.pem]);
    const options = { dryRun: true, metadata: { values: { owner: 'ann' } } };
    const answer = await send([known!.pem, known!.keyPem, fresh!.pem], options);
    expect(answer).toMatchObject({ id: '', status: 'inspected', created: 1, updated: 1 });
    expect(answer.items).toMatchObject([
      { result: UPDATED, changes: ['key', 'metadata'], hasPrivateKey: true },
      { result: CREATED, certificateId: '', certificateNumber: 0, facts: { commonName: 'fresh.example.com' } },
    ]);
    expect(Buffer.from(answer.items[1]!.der)).toEqual(fresh!.der);
    expect(answer.items[1]!.extensions.map(({ name }) => name)).toContain('subjectAltName');
    expect([await count(), await stored('imports'), await stored('metadata_fields')]).toEqual([1, 1, 0]);
    const { items } = await inventory.certificates.listCertificates({});
    expect(items).toMatchObject([{ hasPrivateKey: false, metadata: {} }]);
  });

  test(
    'a container of hundreds is saved whole, in its order, each with a number of its own',
    { timeout: 60_000 },
    async () => {
      const names = Array.from({ length: 230 }, (_, i) => `batch-${i}.example.com`);
      const made = await Promise.all(names.map((commonName) => makeCertificate({ commonName })));
      const done = await send(made.map(({ pem }) => pem));
      expect(done.items.map(({ index, result, subject }) => [index, result, subject])).toEqual(
        names.map((name, index) => [index, CREATED, `CN=${name}`]),
      );
      expect(new Set(done.items.map((item) => item.certificateNumber)).size).toBe(230);
      expect(await count()).toBe(230);
    },
  );

  test('the same certificate, many times at once, is created once', async () => {
    const { pem } = await makeCertificate({ commonName: 'once.example.com' });
    const done = await Promise.all(Array.from({ length: 5 }, () => send([pem, pem])));
    expect(done.flatMap(results).filter((result) => result === CREATED)).toHaveLength(1);
    expect(done.flatMap(results).filter((result) => result === UNCHANGED)).toHaveLength(9);
    expect(await count()).toBe(1);
  });

  test('a call may take new ones only, some formats only, or the first of a PEM file only', async () => {
    const [first, second] = await Promise.all(
      ['first', 'second'].map((name) => makeCertificate({ commonName: `${name}.example.com` })),
    );
    await expect(send([first!.pem], { formats: ['pkcs12', 'jks'] })).rejects.toMatchObject({
      reason: 'FORMAT_NOT_ACCEPTED',
      details: { format: 'pem' },
    });
    expect(await stored('imports')).toBe(0);
    const one = await send([first!.keyPem, first!.pem, second!.pem], { firstOfPem: true });
    expect(one.items).toMatchObject([{ index: 1, result: CREATED, hasPrivateKey: false }]);
    const again = await send([first!.pem, second!.pem], { createOnly: true, notes: 'n' });
    expect(again.items).toMatchObject([
      { result: FAILED, reason: 'CERTIFICATE_EXISTS', certificateId: one.items[0]!.certificateId },
      { result: CREATED },
    ]);
    expect(await find(one.items[0]!.certificateId)).toMatchObject({ notes: '' });
  });
});
