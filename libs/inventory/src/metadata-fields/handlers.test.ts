import { inventoryV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

describe.each(WAYS)('metadata fields %s', (way) => {
  let inventory: TestInventory;
  beforeEach(async () => void (inventory = await startInventory(way)));
  afterEach(() => inventory.stop());

  test('are remembered by name, each with a number that stays, when an import or an update uses them', async () => {
    const fields = inventory.client(inventoryV1.MetadataFieldServiceDefinition);
    expect((await fields.listMetadataFields({})).fields).toEqual([]);
    const { pem } = await makeCertificate({ commonName: 'fields.example.com' });
    const content = Buffer.from(pem);
    const done = await inventory.imports.importCertificates({
      content,
      metadata: { values: { owner: 'a', room: '1' } },
    });
    const id = done.import!.items[0]!.certificateId;
    const before = (await fields.listMetadataFields({})).fields;
    expect(before.map(({ name }) => name)).toEqual(['owner', 'room']);
    await inventory.certificates.updateCertificate({ id, metadata: { values: { floor: '2', owner: 'b' } } });
    const after = (await fields.listMetadataFields({})).fields;
    expect(after.map(({ name }) => name)).toEqual(['floor', 'owner', 'room']);
    expect(after.filter(({ name }) => name !== 'floor')).toEqual(before);
    expect(new Set(after.map(({ number }) => number)).size).toBe(3);
  });
});
