import { randomUUID } from 'node:crypto';
import { inventoryV1 } from '@certferry/contracts';
import { backgroundContext, withCallContext } from '@certferry/rpc';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate, makeChain, type TestCertificate } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createPemParser } from '../testing/pem-parser.ts';
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
  const keyOf = async (id: string) => {
    const material = inventory.client(inventoryV1.MaterialServiceDefinition);
    return Buffer.from((await material.getCertificateMaterial({ id, includePrivateKey: true })).privateKey);
  };
  /** Certificates of one key. */
  const renew = async (commonName: string, number = 2) => {
    const first = await makeCertificate({ commonName });
    const others = Array.from({ length: number - 1 }, () => makeCertificate({ commonName, sameKeyAs: first }));
    return [first, ...(await Promise.all(others))] as [TestCertificate, TestCertificate, ...TestCertificate[]];
  };
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

  test('the name that a container gives is the name of what is new, where nobody gave one', async () => {
    const { leaf, intermediate } = await makeChain('friendly.example.com');
    const aliases = [' Shop front ', ''];
    const other = await startInventory(way, {
      parser: {
        open: async (request, context) => {
          const opened = await createPemParser().open(request, context);
          for (const [i, one] of opened.inspection!.certificates!.entries()) one.alias = aliases[i];
          return opened;
        },
      },
    });
    const names = async () => {
      const { items } = await other.certificates.listCertificates({ sort: 'number' });
      return items.map(({ name }) => name);
    };
    try {
      await other.take(leaf.pem, intermediate.pem);
      expect(await names()).toEqual(['Shop front', 'Issuer of friendly.example.com']);
      aliases[0] = 'Back office';
      expect((await other.take(leaf.pem)).map(({ result }) => result)).toEqual([UNCHANGED]);
      const { pem } = await makeCertificate({ commonName: 'named.example.com' });
      aliases[0] = 'x'.repeat(300);
      await other.imports.importCertificates({ content: Buffer.from(pem), name: 'Given' });
      await other.take((await makeCertificate({ commonName: 'long.example.com' })).pem);
      expect((await names()).slice(2)).toEqual(['Given', 'x'.repeat(255)]);
    } finally {
      await other.stop();
    }
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

  test('a renewed certificate gets the key that the inventory has, sealed for it alone', async () => {
    const [old, renewed] = await renew('renewed.example.com');
    const [first] = (await send([old.pem, old.keyPem])).items;
    const done = await send([renewed.pem]);
    expect(done.items).toMatchObject([
      { result: CREATED, hasPrivateKey: true, keyFromCertificateId: first!.certificateId, keyAddedTo: [] },
    ]);
    const ids = [first!.certificateId, done.items[0]!.certificateId];
    expect(await Promise.all(ids.map(keyOf))).toEqual([old.keyDer, old.keyDer]);
    const sealed = await inventory.database.connection.collection('certificates').find({}).toArray();
    expect(new Set(sealed.map(({ sealedKey }) => String(sealedKey))).size).toBe(2);
    await inventory.certificates.deleteCertificate({ id: ids[0] });
    expect(await keyOf(ids[1]!)).toEqual(old.keyDer);
    expect((await send([renewed.pem])).items).toMatchObject([{ result: UNCHANGED, hasPrivateKey: true }]);
  });

  test('a key goes to every certificate with its public key, alone or with one of them', async () => {
    const [a, b, c, d] = await renew('fleet.example.com', 4);
    const ids = (await send([a!.pem, b!.pem])).items.map((item) => item.certificateId);
    const alone = await send([a!.keyPem]);
    expect(alone).toMatchObject({ status: 'completed', updated: 1, failed: 0 });
    expect(alone.items).toMatchObject([{ result: UPDATED, changes: ['key'], hasPrivateKey: true }]);
    const [item] = alone.items;
    expect([item!.certificateId, ...item!.keyAddedTo].sort()).toEqual(ids.toSorted());
    expect(await Promise.all(ids.map(keyOf))).toEqual([a!.keyDer, a!.keyDer]);
    expect((await send([a!.keyPem])).items).toMatchObject([{ result: UNCHANGED, keyAddedTo: [] }]);
    await vi.waitFor(() => expect(inventory.events.map(({ type }) => type.split('.').at(-1))).toHaveLength(4));
    expect(inventory.events.slice(2).map(({ data }) => data)).toMatchObject([
      { changes: ['key'] },
      { changes: ['key'] },
    ]);

    // One that came without it while nobody had the key of it: as if from before keys were shared.
    const later = (await send([c!.pem])).items[0]!;
    const { publicKeySha256 } = (await find(later.certificateId)).facts!;
    const unset = {
      $set: { hasPrivateKey: false, publicKeySha256 },
      $unset: { sealedKey: '', publicKeyBitsSha256: '' },
    } as const;
    const collection = inventory.database.connection.collection<{ _id: string }>('certificates');
    await collection.updateOne({ _id: later.certificateId }, unset);
    const again = await send([a!.pem, a!.keyPem]);
    expect(again.items).toMatchObject([{ result: UNCHANGED, keyAddedTo: [later.certificateId] }]);
    expect(await keyOf(later.certificateId)).toEqual(a!.keyDer);

    // And where the key is only in the inventory, whatever came before.
    await collection.updateOne({ _id: later.certificateId }, unset);
    const last = await send([c!.pem, d!.pem]);
    expect(last.items).toMatchObject([
      { result: UPDATED, changes: ['key'], hasPrivateKey: true },
      { result: CREATED, hasPrivateKey: true },
    ]);
    expect(last.items.map((one) => ids.includes(one.keyFromCertificateId))).toEqual([true, true]);
  });

  test('a dry run says which certificates would get a key, and gives none', async () => {
    const [old, renewed, third] = await renew('planned.example.com', 3);
    const [stored] = (await send([old!.pem])).items;
    const plan = await send([renewed!.keyPem, renewed!.pem], { dryRun: true });
    expect(plan.items).toMatchObject([{ result: CREATED, hasPrivateKey: true, keyAddedTo: [stored!.certificateId] }]);
    expect(await find(stored!.certificateId)).toMatchObject({ hasPrivateKey: false });
    await send([old!.keyPem]);
    expect((await send([third!.pem], { dryRun: true })).items).toMatchObject([
      { result: CREATED, hasPrivateKey: true, keyInContainer: false, keyFromCertificateId: stored!.certificateId },
    ]);
    expect(await count()).toBe(1);
  });

  test('who may only create gives no key to what is there and was in the container', async () => {
    const [old, renewed] = await renew('created.example.com');
    const [stored] = (await send([old.pem])).items;
    const done = await send([old.pem, renewed.pem, old.keyPem], { createOnly: true });
    expect(done.items).toMatchObject([
      { result: FAILED, reason: 'CERTIFICATE_EXISTS', hasPrivateKey: false },
      { result: CREATED, hasPrivateKey: true, keyAddedTo: [] },
    ]);
    expect(await find(stored!.certificateId)).toMatchObject({ hasPrivateKey: false });
  });

  test('the key and the renewed certificate at once, in whatever order, end with the key', async () => {
    const made = await Promise.all(Array.from({ length: 5 }, (_, i) => renew(`race-${i}.example.com`)));
    await Promise.all(made.flatMap(([old, renewed]) => [send([old.pem, old.keyPem]), send([renewed.pem])]));
    const { items } = await inventory.certificates.listCertificates({ limit: 100 });
    expect(items.map(({ hasPrivateKey }) => hasPrivateKey)).toEqual(Array.from({ length: 10 }, () => true));
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
