import { inventoryV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeChain } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

describe.each(WAYS)('material %s', (way) => {
  let inventory: TestInventory;
  beforeEach(async () => void (inventory = await startInventory(way)));
  afterEach(() => inventory.stop());

  test('is the certificate, its issuers, and its key only when that is asked for', async () => {
    const material = inventory.client(inventoryV1.MaterialServiceDefinition);
    const { leaf, intermediate, root } = await makeChain('material.example.com');
    const items = await inventory.take(root.pem, intermediate.pem, leaf.pem, leaf.keyPem);
    const id = items[2]!.certificateId;
    const without = await material.getCertificateMaterial({ id });
    expect(without.certificate).toMatchObject({ id, hasPrivateKey: true });
    expect(Buffer.from(without.der)).toEqual(leaf.der);
    expect(without.chain.map((der) => Buffer.from(der))).toEqual([intermediate.der, root.der]);
    expect(without.privateKey).toHaveLength(0);
    const { privateKey } = await material.getCertificateMaterial({ id, includePrivateKey: true });
    expect(Buffer.from(privateKey)).toEqual(leaf.keyDer);
    const get = (of: string) => material.getCertificateMaterial({ id: of, includePrivateKey: true });
    await expect(get(items[0]!.certificateId)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'NO_PRIVATE_KEY',
    });
    await expect(get('nobody')).rejects.toMatchObject({ reason: 'CERTIFICATE_NOT_FOUND' });
  });

  test('a key lies in the database sealed, for its certificate alone', async () => {
    const { leaf } = await makeChain('sealed.example.com');
    const [item] = await inventory.take(leaf.pem, leaf.keyPem);
    const stored = inventory.database.connection.collection('certificates');
    const { sealedKey } = (await stored.findOne({})) as unknown as { sealedKey: { buffer: Uint8Array } };
    expect(Buffer.from(sealedKey.buffer).includes(leaf.keyDer)).toBe(false);
    const other = await makeChain('other.example.com');
    const [otherItem] = await inventory.take(other.leaf.pem, other.leaf.keyPem);
    await stored.updateOne({ fingerprintSha256: otherItem!.fingerprintSha256 }, { $set: { sealedKey } });
    const material = inventory.client(inventoryV1.MaterialServiceDefinition);
    const open = (id: string) => material.getCertificateMaterial({ id, includePrivateKey: true });
    await expect(open(otherItem!.certificateId)).rejects.toMatchObject({ code: 'INTERNAL', reason: 'SEAL_BROKEN' });
    expect(Buffer.from((await open(item!.certificateId)).privateKey)).toEqual(leaf.keyDer);
  });
});
