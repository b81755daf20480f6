import { deploymentV1, inventoryV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

describe.each(WAYS)('locations %s', (way) => {
  let inventory: TestInventory;
  let places: deploymentV1.Place[];
  let asked: deploymentV1.ListPlacesRequest[];
  beforeEach(async () => {
    [places, asked] = [[], []];
    inventory = await startInventory(way, {
      places: {
        listPlaces: (request) => {
          asked.push(request);
          return Promise.resolve({ items: places });
        },
      },
    });
  });
  afterEach(() => inventory.stop());

  const list = async (certificateId: string, verify = false) =>
    (await inventory.client(inventoryV1.LocationServiceDefinition).listLocations({ certificateId, verify })).items;

  test('are the places that the deployment service keeps, by its fingerprint', async () => {
    const [item] = await inventory.take((await makeCertificate({ commonName: 'located.example.com' })).pem);
    const { certificateId, fingerprintSha256 } = item!;
    const place = deploymentV1.Place.fromPartial({
      ...{ storeId: 's1', storeName: 'shop', storeKind: 'pkcs12', alias: 'web', hasPrivateKey: true, jobId: 'j1' },
      ...{ fingerprintSha256, since: new Date('2026-10-01T00:00:00Z'), verifiedAt: new Date('2026-10-02T00:00:00Z') },
    });
    const unread = { ...place, alias: 'old', jobId: '', since: undefined, verifiedAt: undefined, problem: 'Locked.' };
    places = [place, unread];
    const { fingerprintSha256: _, since: deployedAt, ...located } = place;
    const { fingerprintSha256: _f, since: _s, ...other } = unread;
    expect(await list(certificateId)).toEqual([
      { ...located, certificateId, deployedAt },
      { ...other, certificateId, deployedAt: undefined },
    ]);
    await list(certificateId, true);
    expect(asked).toEqual([
      { fingerprintsSha256: [fingerprintSha256], verify: false },
      { fingerprintsSha256: [fingerprintSha256], verify: true },
    ]);
  });

  test('of a certificate that is not there', async () => {
    await expect(list('nobody')).rejects.toMatchObject({ code: 'NOT_FOUND', reason: 'CERTIFICATE_NOT_FOUND' });
    expect(asked).toEqual([]);
  });
});
