import { inventoryV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate, makeChain } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

describe.each(WAYS)('certificates %s', (way) => {
  let inventory: TestInventory;
  beforeEach(async () => void (inventory = await startInventory(way)));
  afterEach(() => inventory.stop());

  /** Imports one certificate; answers its id. */
  const add = async (commonName: string, key = false): Promise<string> => {
    const made = await makeCertificate({ commonName });
    return (await inventory.take(made.pem, key ? made.keyPem : ''))[0]!.certificateId;
  };
  const get = async (id: string) => (await inventory.certificates.getCertificate({ id })).certificate!;
  const list = async (query: Parameters<TestInventory['certificates']['listCertificates']>[0]) =>
    (await inventory.certificates.listCertificates(query)).items.map(({ name }) => name);
  const events = async (count: number) => {
    await vi.waitFor(() => expect(inventory.events.length).toBeGreaterThanOrEqual(count), { timeout: 10_000 });
    expect(inventory.events).toHaveLength(count);
    return inventory.events.map(({ type, data }) => [type, (data as { changes: string[] }).changes]);
  };

  test('one is answered with the issuers that the inventory knows, and its extensions in words', async () => {
    const { leaf, intermediate, root } = await makeChain('www.example.com');
    const items = await inventory.take(root.pem, leaf.pem, intermediate.pem);
    const found = await get(items[1]!.certificateId);
    expect(found.chain.map(({ certificateId, subject }) => [certificateId, subject])).toEqual([
      [items[2]!.certificateId, 'CN=Issuer of www.example.com'],
      [items[0]!.certificateId, 'CN=Root of www.example.com'],
    ]);
    expect(found.extensions.find(({ name }) => name === 'subjectAltName')!.text).toEqual(['dns:www.example.com']);
    expect(found).toMatchObject({ name: 'www.example.com', enabled: true, der: new Uint8Array() });
    await expect(get('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'CERTIFICATE_NOT_FOUND' });
  });

  test('a list is filtered, searched, sorted and paged', async () => {
    for (const name of ['delta', 'alpha', 'charlie', 'bravo']) await add(`${name}.example.com`);
    await add('other.example.net', true);
    expect(await list({ filter: 'CN -endswith ".com" AND HasPrivateKey -eq false', sort: '-name' })).toEqual([
      'delta.example.com',
      'charlie.example.com',
      'bravo.example.com',
      'alpha.example.com',
    ]);
    expect(await list({ text: 'EXAMPLE net' })).toEqual(['other.example.net']);
    const first = await inventory.certificates.listCertificates({ limit: 2, withTotal: true });
    expect([first.items.map(({ name }) => name), first.total]).toEqual([['alpha.example.com', 'bravo.example.com'], 5]);
    expect(await list({ limit: 2, cursor: first.nextCursor })).toEqual(['charlie.example.com', 'delta.example.com']);
    expect(await list({ offset: 4 })).toEqual(['other.example.net']);
    await expect(list({ filter: 'Colour -eq red' })).rejects.toMatchObject({ reason: 'INVALID_FILTER' });
    await expect(list({ sort: 'notes' })).rejects.toMatchObject({ reason: 'INVALID_SORT' });
    await expect(list({ cursor: 'x' })).rejects.toMatchObject({ reason: 'INVALID_CURSOR' });
    await expect(list({ limit: 501 })).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
  });

  test('a list brings the DER when it is asked to, and only then', async () => {
    const made = await Promise.all(['a', 'b'].map((commonName) => makeCertificate({ commonName })));
    await inventory.take(...made.map(({ pem }) => pem));
    const ders = async (includeDer: boolean) =>
      (await inventory.certificates.listCertificates({ includeDer })).items.map(({ der }) => Buffer.from(der));
    expect(await ders(true)).toEqual(made.map(({ der }) => der));
    expect(await ders(false)).toEqual([Buffer.alloc(0), Buffer.alloc(0)]);
  });

  test('an update sets what is given, tells which fields changed, and changes nothing the second time', async () => {
    const id = await add('update.example.com');
    inventory.clock.advance(60_000);
    const update = {
      id,
      name: 'Shop',
      metadata: { values: { owner: 'ann' } },
      tags: { values: ['b', 'a', 'b'] },
      enabled: false,
    };
    const { certificate } = await inventory.certificates.updateCertificate(update);
    expect(certificate).toMatchObject({ name: 'Shop', notes: '', metadata: { owner: 'ann' }, tags: ['b', 'a'] });
    expect(await get(id)).toMatchObject({ name: 'Shop', enabled: false, updatedAt: new Date('2026-11-01T12:01:00Z') });
    expect(await list({ filter: 'Name -eq "shop" AND Tag -eq "a" AND Enabled -eq false' })).toEqual(['Shop']);
    inventory.clock.advance(60_000);
    await inventory.certificates.updateCertificate(update);
    expect(await get(id)).toMatchObject({ updatedAt: new Date('2026-11-01T12:01:00Z') });
    await inventory.certificates.updateCertificate({ id, notes: 'n' });
    expect(await get(id)).toMatchObject({ name: 'Shop', notes: 'n', tags: ['b', 'a'] });
    expect(await events(3)).toEqual([
      ['certferry.inventory.certificate.created', []],
      ['certferry.inventory.certificate.updated', ['name', 'metadata', 'tags', 'enabled']],
      ['certferry.inventory.certificate.updated', ['notes']],
    ]);
  });

  test('an update over a limit says which one, and of a certificate that is not there that it is not', async () => {
    const id = await add('limits.example.com');
    const update = (fields: object) => inventory.certificates.updateCertificate({ id, ...fields });
    for (const [fields, field] of [
      [{ name: '' }, 'name'],
      [{ name: 'x'.repeat(256) }, 'name'],
      [{ notes: 'x'.repeat(10_001) }, 'notes'],
      [{ tags: { values: [''] } }, 'tag'],
      [{ metadata: { values: Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`${i}`, ''])) } }, 'metadata'],
      [{ metadata: { values: { long: 'x'.repeat(4_001) } } }, 'metadata "long"'],
    ] as const)
      await expect(update(fields)).rejects.toMatchObject({ reason: 'INVALID_FIELD', details: { field } });
    await expect(inventory.certificates.updateCertificate({ id: 'nobody', notes: 'n' })).rejects.toMatchObject({
      reason: 'CERTIFICATE_NOT_FOUND',
    });
  });

  test('of writers at once each builds on the one before: nothing is lost, and every event tells of a change', async () => {
    const id = await add('race.example.com');
    const update = (fields: object) => inventory.certificates.updateCertificate({ id, ...fields });
    await Promise.all([
      ...Array.from({ length: 10 }, () => update({ notes: 'the same' })),
      update({ name: 'named' }),
      update({ tags: { values: ['t'] } }),
      update({ enabled: false }),
    ]);
    expect(await get(id)).toMatchObject({ notes: 'the same', name: 'named', tags: ['t'], enabled: false });
    const [, ...updates] = await events(5);
    expect(updates.flatMap(([, changes]) => changes).sort()).toEqual(['enabled', 'name', 'notes', 'tags']);
    const stored = await inventory.database.connection.collection('certificates').findOne({ name: 'named' });
    expect(stored!['revision']).toBe(5);
  });

  test('a deleted one leaves nothing but its event, which goes when it is out', async () => {
    const made = await makeCertificate({ commonName: 'gone.example.com' });
    const id = (await inventory.take(made.pem, made.keyPem))[0]!.certificateId;
    await events(1);
    inventory.bus.down = true;
    await inventory.certificates.deleteCertificate({ id });
    const stored = () => inventory.database.connection.collection<{ _id: string }>('certificates').findOne({ _id: id });
    expect(Object.keys((await stored())!).sort()).toEqual(['_id', 'deleted', 'outbox', 'pendingEvents']);
    expect(await list({})).toEqual([]);
    for (const again of [
      () => get(id),
      () => inventory.certificates.deleteCertificate({ id }),
      () => inventory.certificates.updateCertificate({ id, notes: 'n' }),
    ])
      await expect(again()).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'CERTIFICATE_NOT_FOUND' });
    const [back] = await inventory.take(made.pem);
    expect(back).toMatchObject({ result: inventoryV1.ImportResult.CREATED, hasPrivateKey: false });
    expect(back!.certificateId).not.toBe(id);
    inventory.bus.down = false;
    await vi.waitFor(async () => expect(await stored()).toBeNull(), { timeout: 10_000 });
    const deleted = inventory.events.filter(({ type }) => type.endsWith('.deleted'));
    expect(deleted).toMatchObject([{ subject: id, data: { certificateId: id, fingerprintSha256: '', changes: [] } }]);
  });
});
