import { inventoryV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate, type TestCertificate } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

const NAME = 'renewed.example.com';
const { PREFERRED, REQUIRED } = inventoryV1.PrivateKeyWish;

describe.each(WAYS)('replacements %s', (way) => {
  let inventory: TestInventory;
  beforeEach(async () => void (inventory = await startInventory(way)));
  afterEach(() => inventory.stop());

  const replacements = () => inventory.client(inventoryV1.ReplacementServiceDefinition);
  const get = async (id: string) => (await inventory.certificates.getCertificate({ id })).certificate!;
  /** Valid from the first of a month of 2026 until that of another; it is November. */
  const make = (from: number, to: number, commonName = NAME) =>
    makeCertificate({
      commonName,
      notBefore: new Date(Date.UTC(2026, from - 1)),
      notAfter: new Date(Date.UTC(2026, to - 1)),
    });
  const take = async ({ pem, keyPem }: TestCertificate, { withKey = true } = {}): Promise<string> =>
    (await inventory.take(pem, withKey ? keyPem : ''))[0]!.certificateId;
  const linksOf = async (...ids: string[]) =>
    await Promise.all(ids.map(async (id) => (await get(id)).replacesCertificateId));

  test('are linked when the newer comes later, with an event that says so', async () => {
    const older = await take(await make(1, 12));
    const newer = await take(await make(6, 15));
    expect(await get(newer)).toMatchObject({ replacesCertificateId: older, replacedByCertificateId: '' });
    expect(await get(older)).toMatchObject({ replacesCertificateId: '', replacedByCertificateId: newer });
    const { items } = await inventory.certificates.listCertificates({});
    expect(items.map((one) => [one.id, one.replacedByCertificateId]).sort()).toEqual(
      [
        [newer, ''],
        [older, newer],
      ].sort(),
    );
    await vi.waitFor(() => {
      const updated = inventory.events.filter(({ type }) => type.endsWith('certificate.updated'));
      expect(updated).toMatchObject([{ subject: newer, data: { changes: ['replaces'] } }]);
    });
  });

  test('are linked when the older comes later, and when one comes in between', async () => {
    const last = await take(await make(9, 18));
    const first = await take(await make(1, 12));
    expect(await linksOf(first, last)).toEqual(['', first]);
    const middle = await take(await make(5, 15));
    expect(await linksOf(first, middle, last)).toEqual(['', first, middle]);
    expect((await replacements().listReplaced({ certificateId: last })).items.map(({ id }) => id)).toEqual([
      middle,
      first,
    ]);
  });

  test('are linked within one import, and an import of them again changes nothing', async () => {
    const made = [await make(5, 15), await make(9, 18), await make(1, 12)];
    const pem = made.map((one) => one.pem);
    const [middle, last, first] = (await inventory.take(...pem)).map(({ certificateId }) => certificateId);
    expect(await linksOf(first!, middle!, last!)).toEqual(['', first, middle]);
    const { revision } = (await inventory.database.connection.collection('certificates').findOne({ replaces: first }))!;
    await inventory.take(...pem);
    expect(await inventory.database.connection.collection('certificates').findOne({ replaces: first })).toMatchObject({
      revision,
    });
  });

  test('are linked anew when one in between is deleted', async () => {
    const [first, middle, last] = [
      await take(await make(1, 12)),
      await take(await make(5, 15)),
      await take(await make(9, 18)),
    ];
    await inventory.certificates.deleteCertificate({ id: middle });
    expect(await linksOf(first, last)).toEqual(['', first]);
  });

  test('what a person says stays, whatever comes in', async () => {
    const older = await take(await make(1, 12));
    const newer = await take(await make(6, 15));
    await replacements().unlinkCertificate({ certificateId: newer });
    expect(await get(older)).toMatchObject({ replacedByCertificateId: '' });
    await take(await make(3, 14));
    await inventory.take((await make(1, 12)).pem);
    expect(await linksOf(newer)).toEqual(['']);
    const other = await take(await make(1, 12, 'other.example.com'));
    const { certificate } = await replacements().linkCertificate({
      certificateId: newer,
      replacesCertificateId: other,
    });
    expect(certificate).toMatchObject({ id: newer, replacesCertificateId: other });
    await take(await make(4, 15));
    expect(await linksOf(newer)).toEqual([other]);
  });

  test('no certificate replaces itself, or what replaces it', async () => {
    const older = await take(await make(1, 12));
    const newer = await take(await make(6, 15));
    for (const of of [older, newer])
      await expect(
        replacements().linkCertificate({ certificateId: older, replacesCertificateId: of }),
      ).rejects.toMatchObject({ reason: 'INVALID_FIELD' });
    for (const [certificateId, replacesCertificateId] of [
      ['nobody', older],
      [older, 'nobody'],
      [older, ''],
    ])
      await expect(
        replacements().linkCertificate({
          certificateId: certificateId!,
          replacesCertificateId: replacesCertificateId!,
        }),
      ).rejects.toMatchObject({ reason: 'CERTIFICATE_NOT_FOUND' });
  });

  test('certificates from before are linked at the next start', async () => {
    const [older, newer] = [await take(await make(1, 12)), await take(await make(6, 15))];
    const collection = inventory.database.connection.collection('certificates');
    await collection.updateMany({}, { $unset: { renewal: 1, replaces: 1, linkedBy: 1, createdAt: 1 } });
    expect(await linksOf(newer)).toEqual(['']);
    await inventory.restart();
    await vi.waitFor(async () => expect(await linksOf(newer)).toEqual([older]));
  });

  test('what was saved and not linked before the process ended is linked at the next start', async () => {
    const [older, newer] = [await take(await make(1, 12)), await take(await make(6, 15))];
    await inventory.database.connection
      .collection('certificates')
      .updateMany({}, { $unset: { replaces: 1, linkedBy: 1 } });
    expect(await linksOf(newer)).toEqual(['']);
    await inventory.restart();
    await vi.waitFor(async () => expect(await linksOf(newer)).toEqual([older]));
  });

  describe('successors', () => {
    const find = async (id: string, hasPrivateKey = true) => {
      const held = [{ fingerprintSha256: (await get(id)).facts!.fingerprintSha256, hasPrivateKey }];
      const [found] = (await replacements().findSuccessors({ held: [...held, { fingerprintSha256: 'unknown' }] }))
        .items;
      return found && { of: found.certificate!.id, is: found.successor!.id };
    };

    test('are the newest that is valid, enabled and has its key, of whatever generation', async () => {
      const first = await take(await make(1, 13));
      expect(await find(first)).toBeUndefined();
      const second = await take(await make(5, 15));
      const third = await take(await make(8, 18));
      expect(await find(first)).toEqual({ of: first, is: third });
      expect(await find(second)).toEqual({ of: second, is: third });
      const keyless = await take(await make(9, 19), { withKey: false });
      expect(await find(first)).toEqual({ of: first, is: third });
      expect(await find(first, false)).toEqual({ of: first, is: keyless });
      await inventory.certificates.updateCertificate({ id: third, enabled: false });
      expect(await find(first)).toEqual({ of: first, is: second });
      expect(await find(second)).toBeUndefined();
    });

    test('are the next to be valid where none is yet', async () => {
      const first = await take(await make(1, 13));
      await take(await make(14, 24));
      const next = await take(await make(12, 22));
      expect(await find(first)).toEqual({ of: first, is: next });
      inventory.clock.advance(40 * 86_400_000);
      expect(await find(first)).toEqual({ of: first, is: next });
    });
  });

  test('a name stands for the newest valid certificate of it, or for what replaces that', async () => {
    const resolve = async (name: string, privateKey: inventoryV1.PrivateKeyWish = PREFERRED) =>
      (await replacements().resolveName({ name, privateKey })).certificate!.id;
    const first = await take(await make(1, 13));
    expect(await resolve(NAME.toUpperCase())).toBe(first);
    const second = await take(await make(5, 15));
    await take(await make(12, 24));
    expect(await resolve(NAME)).toBe(second);
    const keyless = await take(await make(9, 19), { withKey: false });
    expect(await resolve(NAME)).toBe(second);
    expect(await resolve(NAME, inventoryV1.PrivateKeyWish.UNSPECIFIED)).toBe(keyless);
    await inventory.certificates.updateCertificate({ id: first, name: 'shop' });
    expect(await resolve('shop')).toBe(second);
    for (const id of [first, second]) await inventory.certificates.updateCertificate({ id, enabled: false });
    expect(await resolve(NAME)).toBe(keyless);
    await expect(resolve(NAME, REQUIRED)).rejects.toMatchObject({ reason: 'NO_PRIVATE_KEY' });
    await inventory.certificates.updateCertificate({ id: keyless, enabled: false });
    await expect(resolve(NAME)).rejects.toMatchObject({ reason: 'NO_VALID_CERTIFICATE' });
    await expect(resolve('nothing')).rejects.toMatchObject({ reason: 'CERTIFICATE_NOT_FOUND' });
  });
});
