import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, temporaryFolder, zip } from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, startCertferry, type RunningSystem } from '../running-system.ts';
import { exchange, golden, type Answer } from './exchange.ts';

const IMPORT = '/iot/api/v1/certificate-import';
const CANARY = 'canary-device-00af';

describe('DigiCert', () => {
  let system: RunningSystem;
  let pemProfile: string;
  let xmlProfile: string;
  let folder: string;
  const makeProfile = async (draft: object): Promise<string> => {
    const { status, body } = await call(system, 'POST', '/v1/enrollment-profiles', draft);
    expect([status, body['id']]).toEqual([201, expect.stringMatching(/^IOT_[0-9a-f-]{36}$/)]);
    return body['id'] as string;
  };
  const form = (archive: Buffer, field = 'file', boundary = 'b0undary') =>
    Buffer.concat([
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="${field}"; filename="devices.zip"\r\nContent-Type: application/octet-stream\r\n\r\n`,
      ),
      archive,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
  const send = (
    profile: string,
    archive: Buffer,
    more: { type?: string; field?: string; body?: Buffer; key?: string } = {},
  ): Promise<Answer> =>
    exchange(system, {
      method: 'POST',
      path: `${IMPORT}/${profile}`,
      headers: {
        'x-api-key': more.key ?? system.apiKey,
        'content-type': more.type ?? 'multipart/form-data; boundary=b0undary',
      },
      body: more.body ?? form(archive, more.field),
    });
  const get = (path: string) =>
    exchange(system, { method: 'GET', path: IMPORT + path, headers: { 'x-api-key': system.apiKey } });
  const completed = async (id: string): Promise<any> => {
    for (let tries = 0; tries < 600; tries++) {
      const { json } = await get(`/job/${id}`);
      if (json.status === 'COMPLETED') return json;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`job ${id} did not end`);
  };
  const count = async () =>
    (await call(system, 'GET', '/v1/certificates?withTotal=true&limit=1')).body['total'] as number;
  const xml = (certificates: string[]) =>
    Buffer.from(
      `<?xml version="1.0" encoding="UTF-8"?>\n<certificates>\n${certificates.join('\n')}\n</certificates>\n`,
    );
  const refused = async (answer: Answer, message: string | RegExp, status = 400, code = 'invalid_input') => {
    expect([answer.status, answer.json]).toEqual([
      status,
      { errors: [{ code, message: expect.stringMatching(message) }] },
    ]);
    expect(answer.header('content-type')).toBe('application/json; charset=utf-8');
  };

  beforeAll(async () => {
    system = await startCertferry('standalone');
    folder = temporaryFolder('digicert');
    const fieldMappings = [
      { deviceField: 'Device Identifier', source: 'subject.common_name', mandatory: true },
      { deviceField: 'Name', source: 'san.dns_name', mandatory: false },
      { deviceField: 'Unused', source: '', mandatory: false },
    ];
    pemProfile = await makeProfile({ name: 'Factory', format: 'pem', fieldMappings });
    xmlProfile = await makeProfile({
      name: 'Factory XML',
      format: 'xml',
      fieldMappings: [{ deviceField: 'Serial', source: 'serial', mandatory: true }],
    });
  });
  afterAll(() => system.stop());

  test('a job, byte for byte, counted before the reply, and when it has ended', async () => {
    const leaf = await makeCertificate({ commonName: 'device-1.example.com' });
    const archive = zip([
      ['a.pem', leaf.pem],
      ['folder/b.pem', (await makeCertificate({ commonName: 'device-2.example.com' })).pem],
      ['folder/', ''],
      ['__MACOSX/a.pem', 'x'],
      ['c.pem', `rubbish ${CANARY}`],
    ]);
    const answer = await send(pemProfile, archive);
    const { id, random_id: number } = answer.json;
    expect([answer.status, answer.header('content-type'), number]).toEqual([
      200,
      'application/json; charset=utf-8',
      expect.stringMatching(/^\d{12}$/),
    ]);
    const created = answer.json.created_at as string;
    expect(created).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    const common =
      '"id":"<id>","random_id":"<number>","enrollment_profile":{"id":"<profile>","name":"Factory"},"original_file_name":"devices.zip","format":"PEM",' +
      `"original_size":${archive.length},"stored_file_name":"certificate-import-<number>.zip",`;
    const context =
      '"enrollment_context":{"enrollment_method":"CERTIFICATE_IMPORT","ip_address":"127.0.0.1","authorization":"","auth_type":"BASIC"},"total_certificates":3,';
    expect(golden(answer.text, { id, number, profile: pemProfile, created })).toBe(
      `{${common}"created_at":"<created>","status":"PENDING",${context}"failed_certificates":0,"processing_time":0}`,
    );
    const done = await completed(id);
    const final = await get(`/job/${id}`);
    const message = JSON.stringify(
      JSON.stringify([
        {
          file: 'c.pem',
          code: 'unknown_format',
          message:
            'This is not a certificate, a private key or a container that Certferry reads (PEM, DER, PKCS#7, PKCS#12, JKS, JCEKS, BKS).',
        },
      ]),
    );
    expect(golden(final.text, { id, number, profile: pemProfile, created: created.replace(/\.\d+Z/, 'Z') })).toBe(
      `{${common}"created_at":"<created>","status":"COMPLETED",${context}"failed_certificates":1,"processing_time":${done.processing_time},` +
        `"account_id":"00000000-0000-4000-8000-000000000001","division":{"id":"00000000-0000-4000-8000-000000000002","name":"Default"},"result":"PARTIAL_SUCCESS","status_message":${message}}`,
    );
    expect((await get(`/${id.toUpperCase()}`)).text).toBe(final.text);
    const { items } = (await call(system, 'GET', '/v1/certificates?q=device-1.example.com')).body;
    expect(items[0].metadata).toEqual({ 'Device Identifier': 'device-1.example.com', Name: 'device-1.example.com' });
    expect((await call(system, 'GET', `/v1/bulk-imports/${id}`)).body).toMatchObject({
      status: 'completed',
      total: 3,
      processed: 3,
      failed: 1,
      failures: [{ file: 'c.pem' }],
    });
  });

  test('an XML file: its elements are fields, and one without a mandatory one fails alone', async () => {
    const base64 = async (name: string) => (await makeCertificate({ commonName: name })).der.toString('base64');
    const lines = (text: string) => text.replace(/(.{76})/g, '$1\n');
    const file = xml([
      `<certificate><pem>${await base64('xml-1')}</pem><serial>S&amp;1</serial></certificate>`,
      `<certificate>\n <serial><![CDATA[S2]]></serial>\n <pem>\n${lines(await base64('xml-2'))}\n</pem></certificate>`,
      `<certificate><pem>${await base64('xml-3')}</pem></certificate>`,
      `<certificate><pem>!!!</pem><serial>S4</serial></certificate>`,
      `<certificate><serial>S5</serial></certificate>`,
    ]);
    const answer = await send(xmlProfile, zip([['devices.xml', file]]));
    expect(answer.json).toMatchObject({ format: 'XML', total_certificates: 5 });
    const done = await completed(answer.json.id);
    expect(done).toMatchObject({ failed_certificates: 3, result: 'PARTIAL_SUCCESS' });
    expect(
      JSON.parse(done.status_message).map((one: { index: number; code: string }) => [one.index, one.code]),
    ).toEqual([
      [2, 'mandatory_field_missing'],
      [3, 'malformed'],
      [4, 'malformed'],
    ]);
    const metadata = async (name: string) =>
      (await call(system, 'GET', `/v1/certificates?q=${name}`)).body['items'][0].metadata;
    expect([await metadata('xml-1'), await metadata('xml-2')]).toEqual([{ Serial: 'S&1' }, { Serial: 'S2' }]);
  });

  test('as curl and as a library without a boundary send it', async () => {
    const path = join(folder, 'devices.zip');
    const leaf = await makeCertificate({ commonName: 'curl-device' });
    writeFileSync(path, zip([['a.pem', leaf.pem]]));
    if (hasProgram('curl')) {
      const args = [
        '-sS',
        '-X',
        'POST',
        '-H',
        'content-type: multipart/form-data',
        '-H',
        `x-api-key: ${system.apiKey}`,
        '-F',
        `file=@${path}`,
      ];
      const job = JSON.parse(execFileSync('curl', [...args, `${system.url}${IMPORT}/${pemProfile}`]).toString());
      expect(await completed(job.id)).toMatchObject({
        result: 'SUCCESS',
        status_message: '[]',
        original_file_name: 'devices.zip',
      });
    }
    const bare = await send(pemProfile, readFileSync(path), { type: 'multipart/form-data' });
    expect([bare.status, bare.json.total_certificates]).toEqual([200, 1]);
    const pieces = await exchange(system, {
      method: 'POST',
      path: `${IMPORT}/${pemProfile}`,
      headers: { 'x-api-key': system.apiKey, 'content-type': 'multipart/form-data' },
      body: 'no form at all',
    });
    await refused(pieces, /boundary/);
  });

  test('what is refused has this product’s own body, and nothing is kept', async () => {
    const before = await count();
    const { pem } = await makeCertificate({ commonName: 'never' });
    const good = zip([['a.pem', pem]]);
    const unknown = 'IOT_01a21030-0000-7000-8000-000000000000';
    await refused(await send(unknown, good), new RegExp(`Enrollment profile with id ${unknown} does not exist`));
    await refused(await send(pemProfile, good, { field: 'upload' }), /part "file"/);
    await refused(await send(pemProfile, Buffer.from('not a zip')), /not a ZIP archive/);
    await refused(await send(pemProfile, Buffer.alloc(0)), /empty/);
    await refused(await send(pemProfile, zip([])), /no files/);
    await refused(
      await send(
        pemProfile,
        zip([
          ['a.pem', pem],
          ['b.crt', pem],
        ]),
      ),
      /\.pem files and nothing else; it holds .*\.crt/,
    );
    await refused(await send(pemProfile, zip([['a.xml', xml([])]])), /\.pem files/);
    await refused(await send(xmlProfile, good), /one \.xml file/);
    await refused(
      await send(
        xmlProfile,
        zip([
          ['a.xml', xml([])],
          ['b.xml', xml([])],
        ]),
      ),
      /one \.xml file/,
    );
    await refused(await send(xmlProfile, zip([['a.xml', xml([])]])), /no certificates/);
    await refused(await send(pemProfile, zip([['inner.zip', good]])), /holds \.zip/);
    for (const name of ['../a.pem', '/etc/a.pem', 'x/../../a.pem'])
      await refused(await send(pemProfile, zip([[name, pem]])), /leaves its folder/);
    const doctype =
      '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><certificates><certificate><pem>&e;</pem></certificate></certificates>';
    await refused(await send(xmlProfile, zip([['a.xml', doctype]])), /DOCTYPE/);
    await refused(await send(xmlProfile, zip([['a.xml', '<certificates><certificate>']])), /XML cannot be read/);
    await refused(await send(xmlProfile, zip([['a.xml', '<other/>']])), /root element/);
    await refused(
      await send(xmlProfile, zip([['a.xml', `<certificates>${'<a>'.repeat(80)}${'</a>'.repeat(80)}</certificates>`]])),
      /deeper than 64/,
    );
    await refused(await send(pemProfile, bomb()), /compression ratio|limit/);
    const whole = form(good);
    await refused(await send(pemProfile, good, { body: whole.subarray(0, -30) }), /cut short|ZIP/);
    await refused(await send(pemProfile, good, { type: 'application/json', body: Buffer.from('{}') }), /multipart/);
    const anonymous = await send(pemProfile, good, { key: 'wrong' });
    await refused(anonymous, /API key/, 401, 'invalid_api_key');
    const { key } = (await call(system, 'POST', '/v1/api-keys', { name: 'reader', scopes: ['read'] })).body;
    await refused(await send(pemProfile, good, { key: key as string }), /scope/, 403, 'access_denied');
    await refused(await get('/job/01a21030-0000-7000-8000-000000000000'), /no bulk import/, 404, 'resource_not_found');
    await refused(await get('/job/01a21030/nothing'), /no GET/, 404, 'resource_not_found');
    expect(await count()).toBe(before);
  });

  test('a nested archive under another name, a lying size and a bad checksum fail alone', async () => {
    const { pem } = await makeCertificate({ commonName: 'beside.example.com' });
    const archive = zip([
      ['nested.pem', zip([['a.pem', pem]])],
      ['good.pem', pem],
      ['lying.pem', pem, { size: 10 }],
      ['sum.pem', pem, { crc: 1 }],
    ]);
    const done = await completed((await send(pemProfile, archive)).json.id);
    expect(done).toMatchObject({ total_certificates: 4, failed_certificates: 3 });
    expect(JSON.parse(done.status_message).map((one: { file: string; code: string }) => [one.file, one.code])).toEqual([
      ['nested.pem', 'nested_archive'],
      ['lying.pem', 'malformed'],
      ['sum.pem', 'malformed'],
    ]);
  });

  test('lists, and profiles that are made, found and refused', async () => {
    const page = await get(`?limit=2&offset=1&enrollment_profile_id=${pemProfile}&status=COMPLETED`);
    expect(page.json).toMatchObject({ limit: 2, offset: 1, total: expect.any(Number) });
    expect(page.json.records.length).toBe(2);
    expect((await get('/job?limit=0')).status).toBe(400);
    for (const [draft, message] of [
      [{ name: 'x', format: 'csv' }, /format/],
      [{ name: 'Factory', format: 'pem' }, /already/],
      [{ name: 'x', format: 'pem', fieldMappings: [{ deviceField: 'a', source: 'colour' }] }, /no source .*colour/],
      [{ name: 'x', format: 'pem', fieldMappings: [{ deviceField: 'a', mandatory: true }] }, /must be mapped/],
    ] as const) {
      const { status, body } = await call(system, 'POST', '/v1/enrollment-profiles', draft);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(JSON.stringify(body)).toMatch(message);
    }
    const { items } = (await call(system, 'GET', '/v1/enrollment-profiles')).body;
    expect(items.map((one: { name: string }) => one.name)).toEqual(['Factory', 'Factory XML']);
    const gone = await makeProfile({ name: 'Gone', format: 'pem' });
    expect((await call(system, 'DELETE', `/v1/enrollment-profiles/${gone}`)).status).toBe(204);
    expect((await call(system, 'GET', `/v1/enrollment-profiles/${gone}`)).status).toBe(404);
  });

  test('certificates go on to the target stores; our own API takes archives too', async () => {
    const store = await call(system, 'POST', '/v1/stores', {
      name: 'trust',
      kind: 'pkcs12',
      config: { path: join(system.storesDir, 'trust.p12'), password: CANARY },
    });
    const profile = await makeProfile({ name: 'To a store', format: 'pem', targetStoreIds: [store.body['id']] });
    const upload = new FormData();
    const leaves = await Promise.all(['target-1', 'target-2'].map((commonName) => makeCertificate({ commonName })));
    upload.set('file', new Blob([new Uint8Array(zip(leaves.map((leaf, i) => [`${i}.pem`, leaf.pem])))]), 'devices.zip');
    const made = await call(system, 'POST', `/v1/enrollment-profiles/${profile}/imports`, upload);
    expect([made.status, made.body['total']]).toEqual([202, 2]);
    await completed(made.body['id'] as string);
    const aliases = async () =>
      (await call(system, 'GET', `/v1/stores/${store.body['id']}/entries`)).body['items']
        .map((one: { alias: string }) => one.alias)
        .toSorted()
        .join();
    for (let tries = 0; tries < 100 && (await aliases()) !== 'target-1,target-2'; tries++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await aliases()).toBe('target-1,target-2');
    if (hasProgram('keytool')) {
      const listed = execFileSync(
        'keytool',
        ['-list', '-keystore', join(system.storesDir, 'trust.p12'), '-storepass', CANARY],
        { stdio: 'pipe' },
      ).toString();
      expect(listed.match(/trustedCertEntry/g)?.length).toBe(2);
    }
  });

  test('a job survives a kill and ends with the same inventory', async () => {
    const before = await count();
    const names = Array.from({ length: 3_000 }, (_, i) => i);
    const files = await Promise.all(
      names.map(async (i): Promise<[string, string]> => [
        `${i}.pem`,
        i % 100 === 7 ? 'rubbish' : (await makeCertificate({ commonName: `killed-${i}` })).pem,
      ]),
    );
    const { id } = (await send(pemProfile, zip(files))).json;
    for (let round = 0; round < 5; round++) {
      await new Promise((resolve) => setTimeout(resolve, 150 + round * 100));
      await system.stop('SIGKILL');
      await system.restart();
    }
    expect(await completed(id)).toMatchObject({
      total_certificates: 3_000,
      failed_certificates: 30,
      result: 'PARTIAL_SUCCESS',
    });
    expect(await count()).toBe(before + 2_970);
  });

  test('no secret is in a log', () => {
    for (const secret of [CANARY, system.apiKey]) expect(system.output()).not.toContain(secret);
  });

  /** 100 MiB of zeros in about 100 KiB. */
  function bomb(): Buffer {
    const zeros = Buffer.alloc(100 * 1024 * 1024);
    return zip([['bomb.pem', zeros]]);
  }
});
