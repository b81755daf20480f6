import { randomUUID } from 'node:crypto';
import { inventoryV1 } from '@certferry/contracts';
import { backgroundContext, withCallContext } from '@certferry/rpc';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';
import { MAX_CONTAINER_BYTES, MAX_IMPORT_BYTES } from './start-import.ts';

const { CREATED, FAILED, UPDATED } = inventoryV1.ImportResult;
const MIB = 1024 * 1024;
type Draft = Parameters<typeof inventoryV1.ImportDraft.fromPartial>[0];
/** Text that is in no block, so that a few certificates make a large file. */
const filler = (bytes: number): Buffer => Buffer.alloc(bytes, 'Bag Attributes: <No Attributes>\n');

describe.each(WAYS)('import jobs %s', (way) => {
  let inventory: TestInventory;
  beforeEach(async () => void (inventory = await startInventory(way)));
  afterEach(() => inventory.stop());

  const start = async (chunks: Uint8Array[], draft: Draft | null = {}) => {
    const messages = async function* (): AsyncGenerator<inventoryV1.StartImportRequest> {
      for (const value of chunks) yield { part: { $case: 'chunk', value } };
      if (draft) yield { part: { $case: 'draft', value: inventoryV1.ImportDraft.fromPartial(draft) } };
    };
    return (await inventory.imports.startImport(messages())).import!;
  };
  const get = async (id: string) => (await inventory.imports.getImport({ id })).import!;
  const ended = (id: string) =>
    vi.waitFor(
      async () => {
        const one = await get(id);
        expect(one.completedAt).toBeDefined();
        return one;
      },
      { timeout: 15_000 },
    );
  const items = async (id: string, result: inventoryV1.ImportResult = inventoryV1.ImportResult.UNSPECIFIED) =>
    (await inventory.imports.listImportItems({ id, result, limit: 500 })).items;
  const stored = (collection: string) => inventory.database.connection.collection(collection).countDocuments();
  const pem = async (name: string) => await makeCertificate({ commonName: name });

  test('what is small is opened as one, its description goes to the leaves, and its passwords are kept sealed and not for long', async () => {
    const { pem: certificate, keyPem } = await pem('small.example.com');
    const context = backgroundContext({ principal: { id: 'key-9' }, requestId: randomUUID() });
    const request = {
      password: 'canary-4711',
      passwords: ['canary-4712'],
      name: 'small',
      tags: { values: ['a'] },
      metadata: { values: { 'a.b': '$c' } },
    };
    const content = Buffer.from(certificate + keyPem);
    const started = await withCallContext(context, () => start([content], { request, fileName: 'small.pem' }));
    expect(started).toMatchObject({
      status: 'queued',
      bytes: content.length,
      fileName: 'small.pem',
      requestedBy: 'key-9',
      requestId: context.requestId,
    });
    const done = await ended(started.id);
    expect(done).toMatchObject({
      status: 'completed',
      format: 'pem',
      total: 1,
      done: 1,
      created: 1,
      failed: 0,
      items: [],
    });
    expect(done.bytesDone).toBe(content.length);
    const [kept] = (await inventory.certificates.listCertificates({})).items;
    expect(kept).toMatchObject({
      name: 'small',
      tags: ['a'],
      metadata: { 'a.b': '$c' },
      hasPrivateKey: true,
      createdBy: 'key-9',
    });
    expect(await items(started.id)).toMatchObject([{ index: 0, result: CREATED, certificateId: kept!.id }]);
    const job = await inventory.database.connection.collection('imports').findOne({});
    expect(job).not.toHaveProperty('sealedPasswords');
    expect(JSON.stringify(job)).not.toContain('canary');
    await vi.waitFor(async () => expect(await stored('bulk_import_chunks')).toBe(0));
    const types = () => inventory.events.filter(({ subject }) => subject === started.id).map(({ type }) => type);
    await vi.waitFor(() =>
      expect(types()).toEqual(['certferry.inventory.import.pending', 'certferry.inventory.import.completed']),
    );
  });

  test('a content waits sealed: neither its keys nor its password are in the database', async () => {
    const { pem: certificate, keyPem } = await pem('sealed.example.com');
    const collection = inventory.database.connection.collection('bulk_import_chunks');
    const seen: unknown[] = [];
    const messages = async function* (): AsyncGenerator<inventoryV1.StartImportRequest> {
      yield { part: { $case: 'chunk', value: Buffer.concat([Buffer.from(certificate + keyPem), filler(MIB)]) } };
      yield { part: { $case: 'chunk', value: Buffer.from('the rest') } };
      await vi.waitFor(async () => expect(await stored('bulk_import_chunks')).toBe(1));
      seen.push(...(await collection.find({}).toArray()));
      yield { part: { $case: 'draft', value: inventoryV1.ImportDraft.fromPartial({}) } };
    };
    await inventory.imports.startImport(messages());
    expect(seen.length).toBe(1);
    for (const one of seen)
      expect(Buffer.from((one as { content: Buffer }).content).includes('-----BEGIN')).toBe(false);
  });

  test('a large PEM file is taken in piece by piece: what is bad in it fails alone, keys find their certificates wherever they stand', async () => {
    const made = await Promise.all(Array.from({ length: 6 }, (_, i) => pem(`large-${i}.example.com`)));
    const bad = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    // Keys before their certificates and behind them, more than a piece away.
    const apart = Buffer.from((await pem('spread.example.com')).pem.repeat(600));
    const chunks = [
      Buffer.from(made[0]!.keyPem),
      apart,
      filler(4 * MIB),
      Buffer.from(made.map((one) => one.pem).join('') + bad),
      filler(4 * MIB),
      apart,
      Buffer.from(made[1]!.keyPem),
      apart,
      filler(3 * MIB),
      Buffer.from(made[2]!.keyPem + made[2]!.pem),
    ];
    const { id, bytes } = await start(chunks);
    expect(bytes).toBe(chunks.reduce((sum, { length }) => sum + length, 0));
    const done = await ended(id);
    expect(done).toMatchObject({
      status: 'partial',
      format: 'pem',
      total: 1810,
      done: 1810,
      created: 7,
      unchanged: 1799,
      updated: 3,
      failed: 1,
    });
    expect(await items(id, FAILED)).toMatchObject([{ index: 607, reason: 'MALFORMED' }]);
    expect((await items(id, UPDATED)).map(({ index, changes }) => [index, changes])).toEqual(
      [0, 1208, 1810].map((index) => [index, ['key']]),
    );
    const { items: kept } = await inventory.certificates.listCertificates({ sort: 'name' });
    expect(kept.map(({ hasPrivateKey }) => hasPrivateKey)).toEqual([true, true, true, false, false, false, false]);
  });

  test('of what is refused nothing is kept', async () => {
    const refused = (chunks: Uint8Array[], draft?: Draft | null) => expect(start(chunks, draft)).rejects;
    await refused([]).toMatchObject({ reason: 'EMPTY' });
    await refused([Buffer.from('x')], null).toMatchObject({ reason: 'INVALID_FIELD', details: { field: 'draft' } });
    await refused([Buffer.alloc(MAX_CONTAINER_BYTES), Buffer.alloc(1)]).toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      reason: 'LIMIT_EXCEEDED',
      details: { limit: 'container bytes', value: String(MAX_CONTAINER_BYTES) },
    });
    await refused([Buffer.from('x')], { request: { tags: { values: ['x'.repeat(101)] } } }).toMatchObject({
      reason: 'INVALID_FIELD',
    });
    expect(MAX_IMPORT_BYTES).toBe(200 * MIB);
    expect([await stored('imports'), await stored('bulk_import_chunks')]).toEqual([0, 0]);
  });

  test('one that cannot be opened ends as failed, and says why', async () => {
    const { id } = await start([Buffer.from((await pem('x.example.com')).pem)], { request: { password: 'wrong' } });
    expect(await ended(id)).toMatchObject({ status: 'failed', done: 0, problem: { reason: 'WRONG_PASSWORD' } });
    await vi.waitFor(() =>
      expect(inventory.events.map(({ type }) => type)).toContain('certferry.inventory.import.failed'),
    );
    const bad = Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
    expect(await ended((await start([bad])).id)).toMatchObject({ status: 'failed', done: 1, failed: 1 });
  });

  test('are listed with those of one request and those by a profile, newest first, by status', async () => {
    const { pem: certificate } = await pem('list.example.com');
    const direct = (await inventory.imports.importCertificates({ content: Buffer.from(certificate) })).import!;
    inventory.clock.advance(1_000);
    const job = await ended((await start([Buffer.from(certificate)])).id);
    inventory.clock.advance(1_000);
    const failed = await ended((await start([Buffer.from('rubbish')])).id);
    const list = (query: Parameters<typeof inventory.imports.listImports>[0]) => inventory.imports.listImports(query);
    const all = await list({ withTotal: true });
    expect(all.total).toBe(3);
    expect(all.items.map(({ id, total, items: none }) => [id, total, none])).toEqual([
      [failed.id, 0, []],
      [job.id, 1, []],
      [direct.id, 1, []],
    ]);
    expect((await list({ status: 'failed' })).items.map(({ id }) => id)).toEqual([failed.id]);
    const first = await list({ limit: 2 });
    expect((await list({ limit: 2, cursor: first.nextCursor })).items.map(({ id }) => id)).toEqual([direct.id]);
    expect((await items(direct.id)).map(({ result }) => result)).toEqual([CREATED]);
    expect(await items(direct.id, FAILED)).toEqual([]);
    await expect(items('nobody')).rejects.toMatchObject({ reason: 'IMPORT_NOT_FOUND' });
  });

  test('an import that has ended cannot be paused, gone on with or cancelled', async () => {
    const { pem: certificate } = await pem('ended.example.com');
    const { imports } = inventory;
    const direct = (await imports.importCertificates({ content: Buffer.from(certificate) })).import!;
    const job = await ended((await start([Buffer.from(certificate)])).id);
    for (const { id } of [direct, job])
      for (const control of [imports.pauseImport, imports.resumeImport, imports.cancelImport])
        await expect(control({ id })).rejects.toMatchObject({
          code: 'FAILED_PRECONDITION',
          reason: 'IMPORT_HAS_ENDED',
        });
    await expect(imports.pauseImport({ id: 'nobody' })).rejects.toMatchObject({ reason: 'IMPORT_NOT_FOUND' });
  });
});
