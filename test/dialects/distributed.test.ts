import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, makeChain, temporaryFolder, useMongoDb, useNats, zip } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, startCertferry, type RunningSystem } from '../running-system.ts';
import { exchange } from './exchange.ts';

const [mongodb, nats] = [await useMongoDb(), await useNats()];

/** The five calls once more where every service is a process of its own, on a MongoDB and NATS. */
describe.skipIf(!mongodb || !nats || !hasProgram('openssl'))('the five calls, four processes', () => {
  let system: RunningSystem;
  const json = (method: string, path: string, body?: object, headers: Record<string, string> = {}) =>
    exchange(system, {
      method,
      path,
      headers: { 'x-api-key': system.apiKey, 'content-type': 'application/json', ...headers },
      body: body && JSON.stringify(body),
    });
  const makePfx = (chain: Awaited<ReturnType<typeof makeChain>>): Buffer => {
    const pem = join(temporaryFolder('pfx'), 'all.pem');
    writeFileSync(pem, [chain.leaf.keyPem, chain.leaf.pem, chain.intermediate.pem, chain.root.pem].join(''));
    return execFileSync('openssl', ['pkcs12', '-export', '-in', pem, '-passout', 'pass:secret']);
  };
  beforeAll(async () => {
    system = await startCertferry('four processes', { mongodb, nats });
  });
  afterAll(() => system.stop());

  test('JIM: a certificate from a file', async () => {
    writeFileSync(join(system.filesDir, 'jim.pem'), (await makeCertificate({ commonName: 'jim' })).pem);
    const made = await json('POST', '/api/v1/certificates/file', { name: 'jim', filePath: 'jim.pem' });
    expect([made.status, made.json.subject, made.json.createdBy]).toEqual([201, 'CN=jim', 'Administrator']);
    const list = await json('GET', '/api/v1/certificates?filter=name:eq:jim');
    expect(list.json).toMatchObject({ totalCount: 1, items: [{ sourceType: 'FilePath' }] });
  });

  test('Keyfactor: import into a store, add to another', async () => {
    const api = '/KeyfactorAPI';
    const path = join(system.storesDir, 'kf.pem');
    const store = (Storepath: string) =>
      json('POST', `${api}/CertificateStores`, { ClientMachine: 'm', Storepath, CertStoreType: 102, Properties: '{}' });
    const [first, second] = [await store(path), await store(`${path}.2`)];
    const Certificate = makePfx(await makeChain('kf.example.com')).toString('base64');
    const imported = await json('POST', `${api}/Certificates/Import`, {
      Certificate,
      Password: 'secret',
      StoreIds: [first.json.Id],
    });
    expect(imported.json).toMatchObject({ ImportStatus: 1, JobStatus: 1, InvalidKeystores: [] });
    const query = encodeURIComponent(`Thumbprint -eq "${imported.json.Thumbprint}"`);
    const [{ Id: CertificateId }] = (await json('GET', `${api}/Certificates?pq.queryString=${query}`)).json;
    const entry = { CertificateStoreId: second.json.Id, IncludePrivateKey: true };
    const added = await json('POST', `${api}/CertificateStores/Certificates/Add`, {
      CertificateId,
      CertificateStores: [entry],
      Schedule: {},
    });
    expect([added.status, added.json.length]).toEqual([200, 1]);
    for (let tries = 0; tries < 200 && !(existsSync(path) && existsSync(`${path}.2`)); tries++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    for (const file of [path, `${path}.2`])
      execFileSync('openssl', ['pkey', '-in', file, '-noout', '-check'], { stdio: 'pipe' });
  });

  test('ArcGIS: a PKCS#12 file into a machine’s keystore', async () => {
    const path = join(system.storesDir, 'portal.p12');
    const config = { path, password: 'changeit' };
    await call(system, 'POST', '/v1/stores', {
      name: 'portal',
      kind: 'pkcs12',
      config,
      labels: { 'arcgis.machine': 'HOST' },
    });
    const login = new URLSearchParams({ username: 'admin', password: system.apiKey, client: 'requestip', f: 'json' });
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    const { token } = (
      await exchange(system, {
        method: 'POST',
        path: '/arcgis/sharing/rest/generateToken',
        headers: form,
        body: login.toString(),
      })
    ).json;
    const upload = new FormData();
    for (const [name, value] of Object.entries({ token, alias: 'web', password: 'secret', f: 'json' }))
      upload.set(name, value as string);
    upload.set('file', new Blob([new Uint8Array(makePfx(await makeChain('arcgis.example.com')))]), 'web.pfx');
    const url = `${system.url}/arcgis/portaladmin/machines/HOST/sslCertificates`;
    const answer = await fetch(`${url}/importExistingServerCertificate`, { method: 'POST', body: upload });
    expect(await answer.text()).toBe('{"status":"success"}');
    const listed = await (await fetch(`${url}?f=json&token=${token}`)).json();
    expect(listed).toMatchObject({ sslCertificates: ['web', 'web-ca1', 'web-ca2'] });
  });

  test('DigiCert: an archive', async () => {
    const profile = (await call(system, 'POST', '/v1/enrollment-profiles', { name: 'p', format: 'pem' })).body[
      'id'
    ] as string;
    const leaves = await Promise.all(
      Array.from({ length: 500 }, (_, i) => makeCertificate({ commonName: `device-${i}` })),
    );
    const upload = new FormData();
    upload.set('file', new Blob([new Uint8Array(zip(leaves.map((leaf, i) => [`${i}.pem`, leaf.pem])))]), 'devices.zip');
    const made = await fetch(`${system.url}/iot/api/v1/certificate-import/${profile}`, {
      method: 'POST',
      headers: { 'x-api-key': system.apiKey },
      body: upload,
    });
    const { id, total_certificates: total } = (await made.json()) as { id: string; total_certificates: number };
    expect([made.status, total]).toEqual([200, 500]);
    let job: any;
    for (let tries = 0; tries < 300 && job?.status !== 'COMPLETED'; tries++) {
      job = (await json('GET', `/iot/api/v1/certificate-import/job/${id}`)).json;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(job).toMatchObject({ status: 'COMPLETED', result: 'SUCCESS', failed_certificates: 0 });
    const broken = await exchange(system, {
      method: 'POST',
      path: `/iot/api/v1/certificate-import/${profile}`,
      headers: { 'x-api-key': system.apiKey, 'content-type': 'multipart/form-data; boundary=x' },
      body: '--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\nPK',
    });
    expect([broken.status, broken.json.errors[0].code]).toEqual([400, 'invalid_input']);
  });
});
