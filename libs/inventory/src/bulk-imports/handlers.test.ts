import { randomUUID } from 'node:crypto';
import { deploymentV1, inventoryV1 } from '@certferry/contracts';
import { backgroundContext, callContext, withCallContext } from '@certferry/rpc';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate } from '@certferry/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { archiveOf, type ArchiveFile } from '../testing/pem-parser.ts';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

type Start = Parameters<inventoryV1.BulkImportServiceClient['startBulkImport']>[0];

describe.each(WAYS)('bulk imports %s', (way) => {
  let inventory: TestInventory;
  /** What was asked of the deployment service, by whom. */
  let deployed: (deploymentV1.CreateDeploymentRequest & { by: string; under: string })[];
  /** Resolves when a deployment may be made. */
  let gate: Promise<void> | undefined;

  beforeEach(async () => {
    [deployed, gate] = [[], undefined];
    inventory = await startInventory(way, {
      deployment: {
        createDeployment: async (request) => {
          const { principal, requestId } = callContext();
          deployed.push({ ...request, by: principal.id, under: requestId });
          await gate;
          return { jobs: [] };
        },
      },
    });
  });
  afterEach(() => inventory.stop());

  const bulkImports = () => inventory.client(inventoryV1.BulkImportServiceDefinition);
  const profiles = () => inventory.client(inventoryV1.EnrollmentProfileServiceDefinition);
  const makeProfile = async (more: object = {}): Promise<string> =>
    (await profiles().createEnrollmentProfile({ profile: { name: randomUUID(), format: 'pem', ...more } })).profile!.id;
  const messages = async function* (profileId: string, archive: Buffer): Start {
    yield { part: { $case: 'draft', value: { profileId, fileName: 'devices.zip', address: '192.0.2.1' } } };
    // In two pieces, as a caller may.
    for (const chunk of [archive.subarray(0, 10), archive.subarray(10)])
      yield { part: { $case: 'chunk', value: chunk } };
  };
  const start = async (profileId: string, files: ArchiveFile[]) =>
    (await bulkImports().startBulkImport(messages(profileId, archiveOf(files)))).bulkImport!;
  const get = async (id: string) => (await bulkImports().getBulkImport({ id })).bulkImport!;
  const ended = (id: string) =>
    vi.waitFor(
      async () => {
        const one = await get(id);
        expect(one.status).not.toBe('pending');
        return one;
      },
      { timeout: 10_000 },
    );
  const stored = (collection: string) => inventory.database.connection.collection(collection).countDocuments();
  const device = async (name: string): Promise<ArchiveFile> => {
    const { pem, keyPem } = await makeCertificate({ commonName: name });
    return [`${name}.pem`, pem + keyPem];
  };

  test('an archive is counted at once and taken in afterwards; what is bad in it is counted and named', async () => {
    const fieldMappings = [{ deviceField: 'Device', source: 'subject.common_name', mandatory: true }];
    const profileId = await makeProfile({ name: 'Factory', fieldMappings });
    const good = await Promise.all(Array.from({ length: 7 }, (_, i) => device(`device-${i}`)));
    const requestId = randomUUID();
    const files: ArchiveFile[] = [
      ...good.slice(0, 2),
      ['bad.pem', 'rubbish'],
      ...good.slice(2),
      ['key.pem', keyOf(good[0]!)],
      ['other.pem', keyOf(await device('elsewhere'))],
      ['readme.txt', 'The devices of May.'],
    ];
    const context = backgroundContext({ principal: { id: 'key-9' }, requestId });
    const started = await withCallContext(context, () => start(profileId, files));
    expect(started).toMatchObject({
      profileId,
      profileName: 'Factory',
      fileName: 'devices.zip',
      format: 'pem',
      size: archiveOf(files).length,
      address: '192.0.2.1',
      total: 11,
      requestedBy: 'key-9',
      requestId,
      createdAt: new Date('2026-11-01T12:00:00Z'),
    });
    const done = await ended(started.id);
    expect(done).toMatchObject({ status: 'completed', total: 11, processed: 11, failed: 2 });
    expect(done.completedAt).toEqual(new Date('2026-11-01T12:00:00Z'));
    expect(done.failures.map(({ index, file, reason }) => [index, file, reason])).toEqual([
      [2, 'bad.pem', 'UNKNOWN_FORMAT'],
      [9, 'other.pem', 'NO_CERTIFICATE_FOR_KEY'],
    ]);
    const { items } = await inventory.certificates.listCertificates({});
    expect(
      items.map(({ name, metadata, hasPrivateKey, createdBy }) => [name, metadata, hasPrivateKey, createdBy]),
    ).toEqual(Array.from({ length: 7 }, (_, i) => [`device-${i}`, { Device: `device-${i}` }, true, 'key-9']));
    expect(deployed).toEqual([]);
    await vi.waitFor(async () => expect(await stored('bulk_import_chunks')).toBe(0));
    const events = () => inventory.events.filter(({ subject }) => subject === started.id);
    await vi.waitFor(() => expect(events()).toHaveLength(2));
    expect(events().map(({ type, data }) => [type, data])).toEqual([
      ['certferry.inventory.import.pending', { importId: started.id, status: 'pending', total: 11, failed: 0 }],
      ['certferry.inventory.import.completed', { importId: started.id, status: 'completed', total: 11, failed: 2 }],
    ]);
  });

  test('one without a mandatory field fails alone; the fields beside a certificate are metadata', async () => {
    const fieldMappings = [{ deviceField: 'Serial', source: 'serial', mandatory: true }];
    const profileId = await makeProfile({ format: 'xml', fieldMappings });
    const [, pem] = await device('with');
    const files: ArchiveFile[] = [['devices.xml', pem, { serial: 'S1' }]];
    expect(await ended((await start(profileId, files)).id)).toMatchObject({ status: 'completed', failed: 0 });
    const [, other] = await device('without');
    expect(await ended((await start(profileId, [['devices.xml', other]])).id)).toMatchObject({
      status: 'completed',
      processed: 1,
      failed: 1,
      failures: [{ index: 0, reason: 'MANDATORY_FIELD_MISSING' }],
    });
    const { items } = await inventory.certificates.listCertificates({});
    expect(items.map(({ name, metadata }) => [name, metadata])).toEqual([['with', { Serial: 'S1' }]]);
  });

  test('what came in is deployed to the stores of the profile, on behalf of who sent it, once each', async () => {
    const profileId = await makeProfile({ targetStoreIds: ['s1', 's2'] });
    const requestId = randomUUID();
    const context = backgroundContext({ principal: { id: 'key-9' }, requestId });
    const files = await Promise.all(['a', 'b'].map(device));
    const { id } = await withCallContext(context, () => start(profileId, files));
    await ended(id);
    const { items } = await inventory.certificates.listCertificates({});
    expect(deployed).toMatchObject(
      items.map((certificate) => ({
        certificateId: certificate.id,
        action: deploymentV1.DeploymentAction.ADD,
        targets: [
          { storeId: 's1', overwrite: true },
          { storeId: 's2', overwrite: true },
        ],
        requestId: `bulk:${id}:${certificate.id}`,
        by: 'key-9',
        under: requestId,
      })),
    );
  });

  test('of an archive that is refused nothing is kept', async () => {
    const profileId = await makeProfile();
    const good = await device('good');
    const send = (archive: Buffer, id = profileId) => bulkImports().startBulkImport(messages(id, archive));
    const invalid = (reason: string) => ({ code: 'INVALID_ARGUMENT', reason });
    await expect(send(Buffer.alloc(0))).rejects.toMatchObject(invalid('EMPTY'));
    await expect(send(archiveOf([]))).rejects.toMatchObject(invalid('EMPTY'));
    await expect(send(Buffer.from('no archive at all'))).rejects.toMatchObject(invalid('MALFORMED'));
    await expect(send(archiveOf([['devices.xml', '']]))).rejects.toMatchObject(invalid('WRONG_FORMAT'));
    await expect(send(archiveOf([good]), await makeProfile({ format: 'xml' }))).rejects.toMatchObject(
      invalid('WRONG_FORMAT'),
    );
    await expect(send(archiveOf([good]), 'nobody')).rejects.toMatchObject({ reason: 'ENROLLMENT_PROFILE_NOT_FOUND' });
    const withoutDraft = async function* (): Start {
      yield { part: { $case: 'chunk', value: archiveOf([good]) } };
    };
    await expect(bulkImports().startBulkImport(withoutDraft())).rejects.toMatchObject({ details: { field: 'draft' } });
    expect([await stored('imports'), await stored('bulk_import_chunks')]).toEqual([0, 0]);
    await expect(get('nobody')).rejects.toMatchObject({ reason: 'BULK_IMPORT_NOT_FOUND' });
  });

  test('are listed newest first, by profile and by status, without their failures', async () => {
    const [one, other] = [await makeProfile(), await makeProfile()];
    const ids: string[] = [];
    for (const [profileId, content] of [
      [one, 'rubbish'],
      [other, 'rubbish'],
      [one, 'rubbish'],
    ] as const) {
      const { id } = await start(profileId, [['bad.pem', content]]);
      ids.unshift((await ended(id)).id);
      inventory.clock.advance(1_000);
    }
    const list = async (query: Parameters<ReturnType<typeof bulkImports>['listBulkImports']>[0]) => {
      const { items, total } = await bulkImports().listBulkImports(query);
      return [items.map(({ id, failed, failures }) => [id, failed, failures]), total];
    };
    expect(await list({})).toEqual([ids.map((id) => [id, 1, []]), 3]);
    expect(await list({ profileId: one, status: 'completed' })).toEqual([[ids[0], ids[2]].map((id) => [id, 1, []]), 2]);
    expect(await list({ limit: 1, offset: 1 })).toEqual([[[ids[1], 1, []]], 3]);
    expect(await list({ status: 'failed' })).toEqual([[], 0]);
  });

  test('a profile stays while one of its imports runs', async () => {
    let open = (): void => undefined;
    gate = new Promise((resolve) => (open = resolve));
    const profileId = await makeProfile({ targetStoreIds: ['s1'] });
    const { id } = await start(profileId, [await device('held')]);
    await vi.waitFor(() => expect(deployed).toHaveLength(1));
    await expect(profiles().deleteEnrollmentProfile({ id: profileId })).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'PROFILE_HAS_IMPORTS',
    });
    open();
    await ended(id);
    await profiles().deleteEnrollmentProfile({ id: profileId });
  });
});

/** The key of a file, without its certificate. */
const keyOf = ([, content]: ArchiveFile): string => content.slice(content.indexOf('-----BEGIN PRIVATE KEY'));
