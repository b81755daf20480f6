import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, temporaryFolder, type TestCertificate } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, startCertferry, type RunningSystem } from '../running-system.ts';
import { exchange, golden } from './exchange.ts';

const CERTIFICATES = '/api/v1/certificates';
const CANARY = 'canary-jim-91c4';

describe('JIM', () => {
  let system: RunningSystem;
  let leaf: TestCertificate;
  beforeAll(async () => {
    system = await startCertferry('standalone');
    leaf = await makeCertificate({ commonName: 'jim.example.com' });
    writeFileSync(join(system.filesDir, 'root.pem'), leaf.pem);
  });
  afterAll(() => system.stop());

  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    exchange(system, {
      method,
      path,
      // As the PowerShell module sends it: a content type on every call, whether there is a body or not.
      headers: { 'X-API-Key': system.apiKey, 'Content-Type': 'application/json', ...headers },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
  const addFile = (filePath: unknown, more: object = {}) =>
    send('POST', `${CERTIFICATES}/file`, { name: 'from a file', filePath, ...more });
  const upload = (certificate: Buffer | string, more: object = {}) =>
    send('POST', `${CERTIFICATES}/upload`, {
      name: 'uploaded',
      certificateDataBase64: Buffer.from(certificate).toString('base64'),
      ...more,
    });
  const clear = async () => {
    for (const { id } of (await send('GET', `${CERTIFICATES}?pageSize=100`)).json.items)
      expect((await send('DELETE', `${CERTIFICATES}/${id}`)).status).toBe(204);
  };

  test('POST /file, byte for byte', async () => {
    const answer = await addFile('/connector-files/root.pem', { notes: 'n', changeReason: CANARY });
    const { id } = answer.json;
    const { serialNumber, thumbprint } = readCertificate(leaf.der);
    expect(answer.status).toBe(201);
    expect(answer.header('location')).toBe(`${system.url}${CERTIFICATES}/${id}`);
    expect(answer.header('content-type')).toBe('application/json; charset=utf-8');
    expect(answer.header('api-supported-versions')).toBe('1.0');
    const days = Math.trunc((Date.parse('2036-01-01T00:00:00Z') - Date.now()) / 86_400_000);
    expect(golden(answer.text, { id, thumbprint, serialNumber, days: `"daysUntilExpiry":${days}` })).toBe(
      '{"id":"<id>","name":"from a file","thumbprint":"<thumbprint>","subject":"CN=jim.example.com","issuer":"CN=jim.example.com",' +
        '"serialNumber":"<serialNumber>","validFrom":"2025-01-01T00:00:00Z","validTo":"2036-01-01T00:00:00Z","sourceType":"FilePath",' +
        '"filePath":"/connector-files/root.pem","isEnabled":true,"createdAt":"<now>","createdBy":"Administrator","notes":"n",' +
        '"isExpired":false,"isExpiringSoon":false,<days>}',
    );
    const again = await send('GET', `${CERTIFICATES}/${id}`);
    expect(again.text).toBe(answer.text);
    const audit = await call(system, 'GET', '/v1/audit?limit=1');
    expect(audit.body['items'][0]).toMatchObject({ action: 'POST /api/v1/certificates/file', reason: CANARY });
  });

  test('every row of the error table of an import', async () => {
    await clear();
    const count = async () => (await send('GET', CERTIFICATES)).json.totalCount as number;
    const folder = join(system.filesDir, 'folder');
    mkdirSync(folder, { recursive: true });
    symlinkSync('/etc/hostname', join(system.filesDir, 'out'));
    writeFileSync(join(system.filesDir, 'noise'), 'not a certificate');
    writeFileSync(join(system.filesDir, 'large'), Buffer.alloc(1024 * 1024 + 1));
    execFileSync('mkfifo', [join(system.filesDir, 'pipe')]);

    const missing = await addFile('/connector-files/missing.pem');
    const message = 'There is no such file below CERTFERRY_FILES_ROOT.';
    expect([missing.status, golden(missing.text)]).toEqual([
      400,
      `{"code":"VALIDATION_ERROR","message":"${message}","details":null,"validationErrors":{"filePath":["${message}"]},"timestamp":"<now>"}`,
    ]);
    for (const path of [
      '../root.pem',
      'a/../root.pem',
      'out',
      'folder',
      '/etc/hostname',
      'C:\\x.pem',
      '\\\\host\\x',
      'a\0b',
      'pipe',
      '.',
      '/',
    ]) {
      const refused = await addFile(path);
      expect([path, refused.status, golden(refused.text)]).toEqual([path, 400, golden(missing.text)]);
    }
    expect((await addFile('noise')).json).toMatchObject({
      code: 'VALIDATION_ERROR',
      validationErrors: { certificate: [expect.any(String)] },
    });
    expect((await addFile('large')).json).toMatchObject({
      code: 'VALIDATION_ERROR',
      message: expect.stringContaining('1048576'),
    });
    for (const [body, fields] of [
      [{}, ['name', 'filePath']],
      [{ name: '  ', filePath: 'root.pem' }, ['name']],
      [{ name: 'x'.repeat(256), filePath: 'root.pem' }, ['name']],
      [{ name: 'x', filePath: 'x'.repeat(4097) }, ['filePath']],
      [{ name: 'x', filePath: 'root.pem', notes: 'x'.repeat(2001) }, ['notes']],
      [{ name: 'x', filePath: 'root.pem', changeReason: 'x'.repeat(1001) }, ['changeReason']],
      [{ name: 1, filePath: 'root.pem' }, ['name']],
    ] as [object, string[]][]) {
      const refused = await send('POST', `${CERTIFICATES}/file`, body);
      expect(refused.status).toBe(400);
      expect(refused.json).toMatchObject({ code: 'VALIDATION_ERROR', details: null });
      expect(Object.keys(refused.json.validationErrors)).toEqual(fields);
    }
    expect(
      (await send('POST', `${CERTIFICATES}/upload`, { name: 'x', certificateDataBase64: '***' })).json.validationErrors,
    ).toEqual({
      certificateDataBase64: ['The certificate data is not valid base64.'],
    });
    for (const garbage of [
      'garbage',
      leaf.der.subarray(0, 200),
      '-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n',
    ])
      expect([await upload(garbage)].map(({ status, json }) => [status, json.code])).toEqual([
        [400, 'VALIDATION_ERROR'],
      ]);
    expect(
      (await send('POST', `${CERTIFICATES}/upload`, { name: 'x', certificateDataBase64: 'A'.repeat(1_048_580) })).json
        .validationErrors,
    ).toHaveProperty('certificateDataBase64');
    expect(await count()).toBe(0);

    expect((await upload(leaf.der)).status).toBe(201);
    const twice = await addFile('root.pem');
    expect([twice.status, golden(twice.text, { thumbprint: readCertificate(leaf.der).thumbprint })]).toEqual([
      400,
      '{"code":"BAD_REQUEST","message":"A certificate with the thumbprint <thumbprint> already exists in the inventory.","details":null,"validationErrors":null,"timestamp":"<now>"}',
    ]);
    expect(await count()).toBe(1);
  });

  test('PKCS#12 is not taken, and of a PEM file only its first certificate, without its key', async () => {
    await clear();
    const [first, second] = [
      await makeCertificate({ commonName: 'first' }),
      await makeCertificate({ commonName: 'second' }),
    ];
    const answer = await upload(first.keyPem + first.pem + second.pem);
    expect([answer.status, answer.json.subject]).toEqual([201, 'CN=first']);
    expect((await send('GET', CERTIFICATES)).json.totalCount).toBe(1);
    expect((await call(system, 'GET', `/v1/certificates/${answer.json.id}`)).body['hasPrivateKey']).toBe(false);
    const made = await call(system, 'POST', '/v1/imports', {
      contentBase64: Buffer.from(second.keyPem + second.pem).toString('base64'),
    });
    const id = made.body['items'][0].certificateId as string;
    const p12 = await fetch(`${system.url}/v1/certificates/${id}/download`, {
      method: 'POST',
      headers: { 'x-api-key': system.apiKey, 'content-type': 'application/json' },
      body: JSON.stringify({ format: 'p12', password: CANARY }),
    });
    const refused = await upload(Buffer.from(await p12.arrayBuffer()));
    expect([refused.status, refused.json.code]).toEqual([400, 'VALIDATION_ERROR']);
  });

  test('names without case, unknown ones passed over, twice refused; enums and flags are strict', async () => {
    await clear();
    const body = `{"NAME":"x","FilePath":"root.pem","colour":"red"}`;
    const made = await send('POST', `${CERTIFICATES}/file`, body);
    expect(made.status).toBe(201);
    expect((await send('POST', `/API/V1/Certificates/File`, body)).json.code).toBe('BAD_REQUEST');
    const twice = await send('POST', `${CERTIFICATES}/file`, '{"name":"x","Name":"y","filePath":"root.pem"}');
    expect(twice.json).toMatchObject({ code: 'VALIDATION_ERROR', validationErrors: { name: [expect.any(String)] } });
    expect((await send('POST', `${CERTIFICATES}/file`, '{"name":')).json.code).toBe('VALIDATION_ERROR');
    expect((await send('PATCH', `${CERTIFICATES}/${made.json.id}`, { isEnabled: 1 })).status).toBe(400);
  });

  test('PATCH answers 204 and nothing, also when nothing changed; an empty note clears it', async () => {
    await clear();
    const { id } = (await upload(leaf.der, { notes: 'old' })).json;
    for (const body of [{ name: 'new', isEnabled: false }, {}, { notes: '' }, { notes: null, name: null }]) {
      const answer = await send('PATCH', `${CERTIFICATES}/${id}`, body);
      expect([answer.status, answer.text, answer.header('content-type')]).toEqual([204, '', undefined]);
    }
    expect((await send('GET', `${CERTIFICATES}/${id}`)).json).toMatchObject({
      name: 'new',
      isEnabled: false,
      notes: null,
    });
    expect((await send('GET', `${CERTIFICATES}/enabled`)).text).toBe('[]');
    await send('PATCH', `${CERTIFICATES}/${id}`, { isEnabled: true });
    expect((await send('GET', `${CERTIFICATES}/enabled`)).json).toMatchObject([{ id, isEnabled: true }]);
  });

  test('what is not there, or no GUID, is 404; a wrong or missing key 401; a small key 403', async () => {
    const unknown = '01a21030-0000-7000-8000-000000000000';
    for (const [method, path] of [
      ['GET', unknown],
      ['PATCH', unknown],
      ['DELETE', unknown],
      ['GET', `${unknown}/validate`],
      ['GET', `${unknown}/download`],
      ['GET', 'not-a-guid'],
    ] as const) {
      const answer = await send(method, `${CERTIFICATES}/${path}`, method === 'PATCH' ? {} : undefined);
      expect([path, answer.status, answer.json.code]).toEqual([path, 404, 'NOT_FOUND']);
    }
    expect((await send('GET', '/api/v1/nothing')).json).toMatchObject({ code: 'NOT_FOUND', validationErrors: null });
    const anonymous = await exchange(system, { method: 'GET', path: CERTIFICATES });
    expect([anonymous.status, golden(anonymous.text)]).toEqual([
      401,
      '{"code":"UNAUTHORISED","message":"Authentication required","details":null,"validationErrors":null,"timestamp":"<now>","error":"Unauthorized"}',
    ]);
    const { key } = (await call(system, 'POST', '/v1/api-keys', { name: 'reader', scopes: ['read'] })).body;
    const refused = await addFile('root.pem').then(() =>
      exchange(system, {
        method: 'POST',
        path: `${CERTIFICATES}/file`,
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: '{"name":"x","filePath":"root.pem"}',
      }),
    );
    expect([refused.status, refused.json.code]).toEqual([403, 'FORBIDDEN']);
    for (let tries = 0; tries < 31; tries++)
      await send('GET', CERTIFICATES, undefined, { 'X-API-Key': 'jim_ak_wrong' });
    const limited = await send('GET', CERTIFICATES, undefined, { 'X-API-Key': 'jim_ak_wrong' });
    expect([limited.status, limited.json.code, limited.header('retry-after')]).toEqual([
      429,
      'TOO_MANY_REQUESTS',
      '60',
    ]);
  });

  test('lists are paged, clamped, sorted and filtered as JIM does', async () => {
    await clear();
    const ends = ['2020-01-01', '2030-01-01', '2031-01-01'];
    for (const [i, end] of ends.entries()) {
      const certificate = await makeCertificate({ commonName: `page-${i}`, notAfter: new Date(`${end}T00:00:00Z`) });
      await upload(certificate.der, { name: `Page ${String.fromCharCode(67 - i)}` });
    }
    const list = async (query: string) => (await send('GET', `${CERTIFICATES}?${query}`)).json;
    const names = async (query: string) => (await list(query)).items.map((item: { name: string }) => item.name).join();
    const { items: _, ...envelope } = await list('page=2&pageSize=2');
    expect(JSON.stringify(envelope)).toBe(
      '{"totalCount":3,"page":2,"pageSize":2,"totalPages":2,"hasNextPage":false,"hasPreviousPage":true}',
    );
    expect(await names('')).toBe('Page A,Page B,Page C');
    expect(await names('sortBy=ValidTo&sortDirection=desc')).toBe('Page A,Page B,Page C');
    expect(await names('sortBy=validTo')).toBe('Page C,Page B,Page A');
    expect(await names('sortBy=colour&sortDirection=desc')).toBe('Page C,Page B,Page A');
    expect(await list('page=0&pageSize=0')).toMatchObject({ page: 1, pageSize: 25 });
    expect(await list('page=9&pageSize=1000')).toMatchObject({ page: 9, pageSize: 100, items: [], hasNextPage: false });
    for (const [filter, expected] of [
      ['page b', 'Page B'],
      ['name:eq:Page B', 'Page B'],
      ['NAME:startswith:Page', 'Page A,Page B,Page C'],
      ['name:ne:Page B', 'Page A,Page C'],
      ['isExpired:eq:true', 'Page C'],
      ['daysUntilExpiry:gt:0', 'Page A,Page B'],
      ['daysUntilExpiry:lt:0', 'Page C'],
      ['isEnabled:eq:false', ''],
      ['sourceType:eq:FilePath', ''],
      ['sourceType:ne:FilePath', 'Page A,Page B,Page C'],
      ['colour:eq:red', 'Page A,Page B,Page C'],
      ['name:like:x', 'Page A,Page B,Page C'],
    ] as const)
      expect([filter, await names(`filter=${encodeURIComponent(filter)}`)]).toEqual([filter, expected]);
    expect((await list('sortDirection=DESC')).validationErrors).toHaveProperty('sortDirection');
    expect((await list('page=x')).validationErrors).toHaveProperty('page');
    expect((await list(`filter=${'x'.repeat(501)}`)).validationErrors).toHaveProperty('filter');
    expect((await list('page=10002&pageSize=100')).validationErrors.page[0]).toContain('10001');
    expect((await list('page=10001&pageSize=100')).items).toEqual([]);
  });

  test('validate says expired, not yet valid, expiring soon, and a file that is gone or changed', async () => {
    await clear();
    const validate = async (id: string) => (await send('GET', `${CERTIFICATES}/${id}/validate`)).json;
    const soon = await makeCertificate({ commonName: 'soon', notAfter: new Date(Date.now() + 15.5 * 86_400_000) });
    const warned = await validate((await upload(soon.der)).json.id);
    expect(warned).toMatchObject({ isValid: true, errors: [] });
    expect(warned.warnings[0]).toMatch(/will expire in 15 days, on \d{4}-\d\d-\d\d/);
    const old = await makeCertificate({ commonName: 'old', notAfter: new Date('2025-06-01T00:00:00Z') });
    expect(await validate((await upload(old.der)).json.id)).toEqual({
      isValid: false,
      errors: ['The certificate expired on 2025-06-01.'],
      warnings: [],
    });
    const { id } = (await addFile('root.pem')).json;
    expect(await validate(id)).toEqual({ isValid: true, errors: [], warnings: [] });
    writeFileSync(join(system.filesDir, 'root.pem'), soon.pem);
    expect((await validate(id)).errors).toEqual([
      'The file root.pem was changed: it does not hold this certificate any more.',
    ]);
    rmSync(join(system.filesDir, 'root.pem'));
    expect((await validate(id)).errors).toEqual(['The file root.pem was not found.']);
    expect((await call(system, 'GET', `/v1/certificates/${id}/validate`)).body).toMatchObject({ valid: false });
    writeFileSync(join(system.filesDir, 'root.pem'), leaf.pem);
  });

  test('health needs no key, and is never redirected', async () => {
    const health = await exchange(system, { method: 'GET', path: '/api/v1/health' });
    expect([health.status, golden(health.text)]).toEqual([200, '{"status":"healthy","timestamp":"<now>"}']);
    expect((await exchange(system, { method: 'GET', path: '/api/v1/health/' })).status).toBe(200);
    expect((await exchange(system, { method: 'GET', path: '/api/v1/health/version' })).json).toHaveProperty('product');
    expect((await exchange(system, { method: 'GET', path: '/api/v1/health/ready' })).json.status).toBe('ready');
    expect((await exchange(system, { method: 'GET', path: '/api/v1/auth/config' })).status).toBe(503);
  });

  test.skipIf(!hasProgram('openssl'))('the whole way: add from a file, list, validate, download, delete', async () => {
    await clear();
    const { id } = (await addFile('/certs/../root.pem').then(() => addFile('/root.pem', { name: 'Way "1"' }))).json;
    expect((await send('GET', `${CERTIFICATES}?page=1&pageSize=100`)).json.items).toMatchObject([
      { id, sourceType: 'FilePath' },
    ]);
    expect((await send('GET', `${CERTIFICATES}/${id}/validate`)).json.isValid).toBe(true);
    expect((await send('GET', `${CERTIFICATES}/${id}/download`)).json.code).toBe('NOT_FOUND');
    for (const query of [`changeReason=${'x'.repeat(1_001)}`, 'changeReason=one&changeReason=two']) {
      const refused = await send('DELETE', `${CERTIFICATES}/${id}?${query}`);
      expect([refused.status, refused.json.code]).toEqual([400, 'VALIDATION_ERROR']);
      expect(Object.keys(refused.json.validationErrors)).toEqual(['changeReason']);
    }
    expect((await send('DELETE', `${CERTIFICATES}/${id}?changeReason=no%20more`)).status).toBe(204);
    const uploaded = (await upload(leaf.pem, { name: 'Way "1" é' })).json;
    const file = await send('GET', `${CERTIFICATES}/${uploaded.id}/download`);
    expect([file.status, file.header('content-type'), file.header('content-disposition')]).toEqual([
      200,
      'application/x-x509-ca-cert',
      `attachment; filename="Way _1_ _.cer"; filename*=UTF-8''Way%20_1_%20%C3%A9.cer`,
    ]);
    const path = join(temporaryFolder('jim'), 'way.cer');
    writeFileSync(path, file.bytes);
    const shown = execFileSync('openssl', ['x509', '-inform', 'DER', '-in', path, '-noout', '-subject']).toString();
    expect(shown.trim()).toBe('subject=CN = jim.example.com');
    expect((await send('DELETE', `${CERTIFICATES}/${uploaded.id}`)).text).toBe('');
    expect((await send('GET', `${CERTIFICATES}/${uploaded.id}`)).status).toBe(404);
  });
});
