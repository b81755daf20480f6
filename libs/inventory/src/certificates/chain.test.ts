import { inventoryV1 } from '@certferry/contracts';
import { makeCertificate } from '@certferry/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

let inventory: TestInventory;
beforeAll(async () => void (inventory = await startInventory('in process')));
afterAll(() => inventory.stop());

const chainOf = async (id: string) =>
  (await inventory.client(inventoryV1.MaterialServiceDefinition).getCertificateMaterial({ id })).chain.map((der) =>
    Buffer.from(der),
  );

test('of two intermediates with one name and one key the one that came with the leaf is taken, whenever the other comes', async () => {
  const root = await makeCertificate({ commonName: 'Twin Root', ca: true });
  const issuer = { commonName: 'Twin Issuer', ca: true, issuer: root };
  const short = await makeCertificate({ ...issuer, notAfter: new Date('2030-01-01T00:00:00Z') });
  const long = await makeCertificate({ ...issuer, sameKeyAs: short, notAfter: new Date('2035-01-01T00:00:00Z') });
  const leaf = (commonName: string) => makeCertificate({ commonName, issuer: short });
  const [own, alone] = [await leaf('own.example.com'), await leaf('alone.example.com')];
  const [ofOwn] = await inventory.take(own.pem, short.pem, root.pem);
  await inventory.take(long.pem);
  const [ofAlone] = await inventory.take(alone.pem);
  expect(await chainOf(ofOwn!.certificateId)).toEqual([short.der, root.der]);
  // Nothing says which: the one that is valid longest.
  expect(await chainOf(ofAlone!.certificateId)).toEqual([long.der, root.der]);
});

test('of two with one name and two keys the one that signed the leaf is taken', async () => {
  const root = await makeCertificate({ commonName: 'Other Root', ca: true });
  const issuer = { commonName: 'Other Issuer', ca: true, issuer: root };
  const [first, last] = [await makeCertificate(issuer), await makeCertificate(issuer)];
  const leaf = await makeCertificate({ commonName: 'signed.example.com', issuer: first });
  const [item] = await inventory.take(leaf.pem);
  await inventory.take(first.pem, root.pem);
  await inventory.take(last.pem);
  expect(await chainOf(item!.certificateId)).toEqual([first.der, root.der]);
});
