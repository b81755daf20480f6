import { deploymentV1, type inventoryV1 } from '@certferry/contracts';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openTestGateway, type TestGateway } from '../../testing/open-test-gateway.ts';

const { JobStatus } = deploymentV1;
const CERTIFICATES = '/arcgis/portaladmin/machines/HOST/sslCertificates';
const READS = new Set(['StoreService/ListStores', 'StoreService/ListStoreEntries']);
const store = { id: 's1', kind: 'pkcs12', labels: { 'arcgis.machine': 'HOST' } };
const facts = { subject: 'CN=a', issuer: 'CN=a', selfIssued: true };

let gateway: TestGateway;
let item: Partial<inventoryV1.ImportItem> = {};
let statuses: deploymentV1.JobStatus[] = [];
let waited: number[] = [];

beforeAll(async () => {
  gateway = await openTestGateway({
    services: {
      stores: {
        listStores: () => Promise.resolve({ items: [store] }),
        listStoreEntries: () => Promise.resolve({ items: [] }),
      },
      imports: {
        importCertificates: ({ dryRun }) =>
          Promise.resolve({
            import: {
              items: [{ ...item, fingerprintSha256: 'f', certificateId: dryRun ? '' : 'c1', ...(dryRun && { facts }) }],
            },
          }),
      },
      deployments: { createDeployment: () => Promise.resolve({ jobs: [{ id: 'j1' }] }) },
      jobs: {
        waitForJob: ({ id, seconds }) => {
          waited.push(seconds);
          return Promise.resolve({ job: { id, status: statuses.shift(), error: { message: 'The disk is full.' } } });
        },
      },
    },
  });
});
beforeEach(() => {
  gateway.calls.length = 0;
  waited = [];
});
afterAll(() => gateway.close());

const post = (url: string, form: Record<string, string | undefined>, file?: string) => {
  const fields = Object.entries(form).map(
    ([name, value]) => `--x\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const part = file ? `--x\r\nContent-Disposition: form-data; name="file"; filename="a.pfx"\r\n\r\n${file}\r\n` : '';
  const headers = { 'content-type': 'multipart/form-data; boundary=x' };
  return gateway.send({ method: 'POST', url, headers, payload: `${fields.join('')}${part}--x--\r\n` });
};
const tokenOf = async (key: string): Promise<string> => {
  const login = { username: 'siteadmin', password: key, client: 'requestip', f: 'json' };
  return (await post('/arcgis/sharing/rest/generateToken', login)).json().token as string;
};
const methods = () => gateway.calls.map(({ method }) => method);

test('a GET of an empty machine, by any key, reads and does nothing else', async () => {
  const before = await gateway.context.audit.verify();
  for (const key of [gateway.adminKey, await gateway.makeKey('read')]) {
    const query = `f=json&token=${await tokenOf(key)}`;
    for (const path of ['', '/portal', '/portal/export'])
      for (const family of [CERTIFICATES, '/arcgis/portaladmin/security/sslCertificates'])
        await gateway.send({ method: 'GET', url: `${family}${path}?${query}`, headers: {} });
    const listed = await gateway.send({ method: 'GET', url: `${CERTIFICATES}?${query}`, headers: {} });
    expect(listed.json()).toMatchObject({ sslCertificates: [], webServerCertificateAlias: '' });
  }
  expect(methods()).not.toEqual([]);
  expect(methods().filter((method) => !READS.has(method))).toEqual([]);
  expect(await gateway.context.audit.verify()).toEqual(before);
});

const importPfx = async () => {
  const form = { token: await tokenOf(gateway.adminKey), alias: 'web', password: 'x', f: 'json' };
  return (await post(`${CERTIFICATES}/importExistingServerCertificate`, form, 'pfx')).json();
};

test('a PFX without its key is refused, also where the inventory has the key', async () => {
  item = { hasPrivateKey: true, keyInContainer: false };
  const answer = await importPfx();
  expect(answer).toMatchObject({ status: 'error', code: 500, error: { message: 'Unable to import certificate' } });
  expect(answer.messages[1]).toContain('no private key');
  expect(methods()).toEqual([
    'StoreService/ListStores',
    'StoreService/ListStoreEntries',
    'ImportService/ImportCertificates',
  ]);
  const [record] = await gateway.context.audit.list(1, undefined);
  expect(record!.outcome).toEqual({ status: 500, reason: 'OPERATION_FAILED' });
});

test('one with its key is put in by a job, which is waited for by the service of jobs', async () => {
  item = { hasPrivateKey: true, keyInContainer: true };
  statuses = [JobStatus.RUNNING, JobStatus.SUCCEEDED];
  expect(await importPfx()).toEqual({ status: 'success' });
  expect(methods().slice(-4)).toEqual([
    'ImportService/ImportCertificates',
    'DeploymentService/CreateDeployment',
    'JobService/WaitForJob',
    'JobService/WaitForJob',
  ]);
  expect(waited).toEqual([25, 20]);
});

test('a job that fails says why; one that goes on is said to', async () => {
  statuses = [JobStatus.FAILED];
  expect(await importPfx()).toMatchObject({ code: 500, error: { details: ['The disk is full.'] } });
  statuses = [JobStatus.RUNNING, JobStatus.RUNNING];
  expect(await importPfx()).toMatchObject({ code: 504, error: { message: expect.stringContaining('it goes on') } });
});
