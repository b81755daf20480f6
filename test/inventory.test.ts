import { randomUUID } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deploymentV1, inventoryV1 } from '@certferry/contracts';
import { backgroundContext, withCallContext } from '@certferry/rpc';
import { makeCertificate, makeChain, zip } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { profiles, startSystem, type TestSystem } from './hosted-services.ts';

const { CREATED, UNCHANGED, UPDATED } = inventoryV1.ImportResult;
const { PrivateKeyFormat } = inventoryV1;

// What the inventory does together with the real parser and deployment service; its own features have their tests beside
// them.

describe.each(profiles)('inventory, parser and deployment: $name', (profile) => {
  let system: TestSystem;
  const service = () => ({
    certificates: system.client(inventoryV1.CertificateServiceDefinition),
    imports: system.client(inventoryV1.ImportServiceDefinition),
    exports: system.client(inventoryV1.ExportServiceDefinition),
    profiles: system.client(inventoryV1.EnrollmentProfileServiceDefinition),
    bulkImports: system.client(inventoryV1.BulkImportServiceDefinition),
    locations: system.client(inventoryV1.LocationServiceDefinition),
  });
  beforeAll(async () => void (system = await startSystem(profile)));
  afterAll(() => system.stop());

  test('what is exported as a keystore is unchanged when it is imported, and brings a key that was lost', async () => {
    const { certificates, imports, exports } = service();
    const { leaf, intermediate, root } = await makeChain('roundtrip.example.com');
    const content = Buffer.from(leaf.pem + leaf.keyPem + intermediate.pem + root.pem);
    const id = (await imports.importCertificates({ content })).import!.items[0]!.certificateId;
    const password = 'changeit';
    for (const format of [PrivateKeyFormat.P12, PrivateKeyFormat.P12_LEGACY, PrivateKeyFormat.JKS]) {
      const file = await exports.exportPrivateKey({ id, format, password });
      const again = await imports.importCertificates({ content: file.content, password });
      expect(again.import!.items.map(({ result }) => result)).toEqual([UNCHANGED, UNCHANGED, UNCHANGED]);
      await expect(imports.importCertificates({ content: file.content, password: 'wrong' })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        reason: 'WRONG_PASSWORD',
      });
    }
    const file = await exports.exportPrivateKey({ id, format: PrivateKeyFormat.KEY, password });
    await certificates.deleteCertificate({ id });
    const [alone] = (await imports.importCertificates({ content: Buffer.from(leaf.pem) })).import!.items;
    expect(alone).toMatchObject({ result: CREATED, hasPrivateKey: false });
    const [key] = (await imports.importCertificates({ content: file.content, password })).import!.items;
    expect(key).toMatchObject({ result: UPDATED, changes: ['key'], certificateId: alone!.certificateId });
  });

  test('a deployed certificate is where the store says that it is, until it is gone or cannot be read', async () => {
    const stores = system.client(deploymentV1.StoreServiceDefinition);
    const deployment = system.client(deploymentV1.DeploymentServiceDefinition);
    const { imports, locations } = service();
    const { pem, keyPem } = await makeCertificate({ commonName: 'located.example.com' });
    const done = await imports.importCertificates({ content: Buffer.from(pem + keyPem) });
    const { certificateId } = done.import!.items[0]!;
    const path = join(system.storesDir, 'located.p12');
    const draft = { name: 'portal', kind: 'pkcs12', config: { path, password: 'changeit' } };
    const storeId = (await stores.createStore({ store: draft })).store!.id;
    await deployment.createDeployment({
      certificateId,
      action: deploymentV1.DeploymentAction.ADD,
      targets: [{ storeId, alias: 'web' }],
    });
    const list = async (verify = false) => (await locations.listLocations({ certificateId, verify })).items;
    const place = { certificateId, storeId, storeName: 'portal', storeKind: 'pkcs12', alias: 'web' };
    await vi.waitFor(async () => expect(await list()).toMatchObject([{ ...place, hasPrivateKey: true, problem: '' }]), {
      timeout: 15_000,
      interval: 50,
    });
    writeFileSync(path, 'not a keystore');
    expect(await list(true)).toMatchObject([
      { ...place, verifiedAt: undefined, problem: expect.stringMatching(/./) as string },
    ]);
    rmSync(path);
    expect(await list()).toMatchObject([place]);
    expect(await list(true)).toEqual([]);
  });

  test('an archive comes in on behalf of who sent it', async () => {
    const { profiles: enrollment, bulkImports, certificates } = service();
    const made = await Promise.all(
      Array.from({ length: 20 }, (_, i) => makeCertificate({ commonName: `bulk-${i}.example.com` })),
    );
    const files: [string, string][] = made.map(({ pem }, i) => [`${i}.pem`, pem]);
    const profileDraft = { name: 'Factory', format: 'pem' };
    const { profile: created } = await enrollment.createEnrollmentProfile({ profile: profileDraft });
    const messages = async function* (): Parameters<typeof bulkImports.startBulkImport>[0] {
      yield { part: { $case: 'draft', value: { profileId: created!.id, fileName: 'a.zip', address: '' } } };
      yield { part: { $case: 'chunk', value: zip([...files, ['bad.pem', 'rubbish']]) } };
    };
    const requestId = randomUUID();
    const context = backgroundContext({ principal: { id: 'key-3' }, requestId });
    const started = await withCallContext(context, () => bulkImports.startBulkImport(messages()));
    const { id } = started.bulkImport!;
    await vi.waitFor(
      async () =>
        expect((await bulkImports.getBulkImport({ id })).bulkImport).toMatchObject({
          status: 'completed',
          total: 21,
          processed: 21,
          failed: 1,
          failures: [{ file: 'bad.pem', reason: 'UNKNOWN_FORMAT' }],
          requestedBy: 'key-3',
          requestId,
        }),
      { timeout: 15_000, interval: 50 },
    );
    const { total } = await certificates.listCertificates({ filter: 'CreatedBy -eq "key-3"', withTotal: true });
    expect(total).toBe(20);
  });
});
