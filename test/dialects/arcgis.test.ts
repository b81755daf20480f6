import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, makeChain, temporaryFolder, type TestCertificate } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, startCertferry, type RunningSystem } from '../running-system.ts';
import { exchange, type Answer } from './exchange.ts';

const ADMIN = '/arcgis/portaladmin';
const MACHINE = 'PORTAL.EXAMPLE.COM';
const SITE = `${ADMIN}/security/sslCertificates`;
const CERTIFICATES = `${ADMIN}/machines/${MACHINE}/sslCertificates`;
const CANARY = 'canary arcgis $&%"é-5d2f';
const STORE_PASSWORD = 'canary-keystore-77aa';

type Part = { name: string; value: string | Buffer; fileName?: string; type?: string };

/** A multipart body as one of the clients writes it. */
function multipart(parts: Part[], style: { boundary?: string; newline?: string; quoted?: boolean } = {}): Buffer {
  const { boundary = 'b0undary', newline = '\r\n', quoted = true } = style;
  const q = quoted ? '"' : '';
  const chunks = parts.flatMap(({ name, value, fileName, type }) => [
    `--${boundary}${newline}Content-Disposition: form-data; name=${q}${name}${q}${fileName === undefined ? '' : `; filename=${q}${fileName}${q}`}${newline}`,
    ...(type ? [`Content-Type: ${type}${newline}`] : []),
    newline,
    value,
    newline,
  ]);
  return Buffer.concat([...chunks, `--${boundary}--${newline}`].map((chunk) => Buffer.from(chunk)));
}

/** What a list of aliases has that it had not before. */
const added = (before: string[], after: string[]): string[] =>
  after.filter((alias) => !before.includes(alias)).toSorted();

describe('ArcGIS', () => {
  let system: RunningSystem;
  let token: string;
  let storeId: string;
  let folder: string;
  const keystore = () => join(system.storesDir, 'portal.p12');
  const form = (method: string, path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    exchange(system, {
      method,
      path,
      headers: { 'content-type': 'application/x-www-form-urlencoded', referer: 'referer', ...headers },
      body: new URLSearchParams(fields).toString(),
    });
  const get = (path: string, headers: Record<string, string> = {}) =>
    exchange(system, {
      method: 'GET',
      path: `${path}?f=json&token=${token}`,
      headers: { referer: 'referer', ...headers },
    });
  const upload = (
    path: string,
    parts: Part[],
    style: { boundary?: string; newline?: string; quoted?: boolean; type?: string } = {},
  ) =>
    exchange(system, {
      method: 'POST',
      path,
      headers: {
        'content-type': style.type ?? `multipart/form-data; boundary=${style.boundary ?? 'b0undary'}`,
        referer: 'referer',
      },
      body: multipart(parts, style),
    });
  const importPfx = (alias: string, content: Buffer, more: Record<string, string> = {}) =>
    upload(`${CERTIFICATES}/importExistingServerCertificate`, [
      { name: 'alias', value: alias },
      { name: 'password', value: CANARY },
      { name: 'token', value: token },
      { name: 'f', value: 'json' },
      ...Object.entries(more).map(([name, value]) => ({ name, value })),
      { name: 'file', value: content, fileName: `${alias}.pfx`, type: 'application/x-pkcs12' },
    ]);
  const importRoot = (alias: string, content: string | Buffer) =>
    upload(`${CERTIFICATES}/importRootOrIntermediate`, [
      { name: 'file', value: content, fileName: 'root.cer', type: 'application/x-x509-ca-cert' },
      { name: 'alias', value: alias },
      { name: 'norestart', value: 'True' },
      { name: 'token', value: token },
      { name: 'f', value: 'json' },
    ]);
  const aliases = async () => (await get(CERTIFICATES)).json.sslCertificates as string[];
  const makePfx = (leaf: TestCertificate, issuers: TestCertificate[] = [], ...options: string[]): Buffer => {
    const pem = join(folder, `${randomBytes(4).toString('hex')}.pem`);
    writeFileSync(pem, leaf.keyPem + leaf.pem + issuers.map((one) => one.pem).join(''));
    return execFileSync('openssl', ['pkcs12', '-export', ...options, '-in', pem, '-passout', `pass:${CANARY}`]);
  };
  const errorBody = (code: number, message: string, details: string[] = []) =>
    JSON.stringify({
      error: { code, message, details, messages: [message, ...details] },
      status: 'error',
      messages: [message, ...details],
      code,
    });
  const failed = (answer: Answer, code: number, text: string | RegExp) => {
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ status: 'error', code, error: { code } });
    expect(answer.json.messages.join(' ')).toMatch(text);
    expect(answer.text).not.toContain('canary');
  };

  beforeAll(async () => {
    system = await startCertferry('standalone');
    folder = temporaryFolder('arcgis');
    const store = await call(system, 'POST', '/v1/stores', {
      name: 'portal',
      kind: 'pkcs12',
      config: { path: keystore(), password: STORE_PASSWORD },
      labels: { 'arcgis.machine': MACHINE },
    });
    storeId = store.body['id'] as string;
    const login = {
      username: 'siteadmin',
      password: system.apiKey,
      client: 'referer',
      referer: 'referer',
      expiration: '600',
      f: 'json',
    };
    token = (await form('POST', '/arcgis/sharing/rest/generateToken', login)).json.token;
  });
  afterAll(() => system.stop());

  describe('logging in', () => {
    const login = (fields: Record<string, string>, path = '/arcgis/sharing/rest/generateToken') =>
      form('POST', path, { username: 'siteadmin', password: system.apiKey, f: 'json', ...fields });

    test('a token, byte for byte, on every path; how long it lives', async () => {
      for (const path of [
        '/arcgis/sharing/rest/generateToken',
        '/arcgis/sharing/generateToken/',
        '/ArcGIS/portaladmin/generatetoken',
      ]) {
        const answer = await login({ client: 'requestip' }, path);
        const { token: made, expires } = answer.json;
        expect([answer.status, answer.text]).toEqual([200, `{"token":"${made}","expires":${expires},"ssl":true}`]);
        expect(answer.header('content-type')).toBe('application/json;charset=utf-8');
      }
      const minutes = async (expiration: string) =>
        Math.round(((await login({ client: 'requestip', expiration })).json.expires - Date.now()) / 60_000);
      for (const [asked, got] of [
        ['60', 60],
        ['', 120],
        ['0', 120],
        ['-5', 120],
        ['soon', 120],
        ['999999', 20_160],
      ] as const)
        expect([asked, await minutes(asked)]).toEqual([asked, got]);
    });

    test('wrong credentials have the words that clients look for; a GET never makes a token', async () => {
      const refused = await login({ password: 'canary-wrong', client: 'requestip' });
      expect([refused.status, refused.text]).toEqual([
        200,
        errorBody(400, 'Unable to generate token.', ['Invalid username or password.']),
      ]);
      const probe = await exchange(system, {
        method: 'GET',
        path: `/arcgis/sharing/rest/generateToken?username=x&password=${system.apiKey}&f=json`,
      });
      expect(probe.status).toBe(200);
      expect(probe.json).not.toHaveProperty('token');
    });

    test('a token is bound to its referer or its address', async () => {
      const use = (made: string, referer?: string) =>
        exchange(system, {
          method: 'GET',
          path: `${ADMIN}?f=json`,
          headers: { 'x-esri-authorization': `Bearer ${made}`, ...(referer !== undefined && { referer }) },
        });
      const url = (await login({ referer: 'https://portal.example.com/arcgis' })).json.token;
      for (const [referer, code] of [
        ['https://portal.example.com/arcgis', undefined],
        ['https://portal.example.com/arcgis/home', undefined],
        ['https://portal.example.com/', undefined],
        ['https://evil.example.com/', 498],
        [undefined, 498],
      ] as const)
        expect([referer, (await use(url, referer)).json.code]).toEqual([referer, code]);
      const python = (await login({ referer: 'http', client: 'referer', expiration: '60' })).json.token;
      expect((await use(python, 'http')).json.version).toBe('11.3');
      const elsewhere = (await login({ client: 'ip', ip: '192.0.2.7' })).json.token;
      expect((await use(elsewhere)).text).toBe(errorBody(498, 'Invalid Token'));
      expect((await login({ client: 'referer' })).json.code).toBe(400);
      expect((await login({ client: 'ip' })).json.code).toBe(400);
      expect((await login({ client: 'carrier pigeon' })).json.code).toBe(400);
    });

    test('no token is 499, with HTTP 200 and without WWW-Authenticate; a query token is refused on POST', async () => {
      const answer = await exchange(system, { method: 'GET', path: `${ADMIN}/?f=json` });
      expect([answer.status, answer.text, answer.header('www-authenticate')]).toEqual([
        200,
        errorBody(499, 'Token Required'),
        undefined,
      ]);
      failed(
        await form('POST', `${CERTIFICATES}/update?token=${token}`, { webServerCertificateAlias: 'portal', f: 'json' }),
        499,
        'Token Required',
      );
      const wrong = await exchange(system, { method: 'GET', path: `${ADMIN}?f=json&token=wrong` });
      expect([wrong.text, wrong.header('www-authenticate')]).toEqual([errorBody(498, 'Invalid Token'), undefined]);
    });

    test('a reader may look and not change', async () => {
      const { key } = (await call(system, 'POST', '/v1/api-keys', { name: 'reader', scopes: ['read'] })).body;
      const reader = (await login({ password: key as string, client: 'requestip' })).json.token;
      expect(
        (await exchange(system, { method: 'GET', path: `${CERTIFICATES}?f=json&token=${reader}` })).json,
      ).toHaveProperty('sslCertificates');
      failed(await form('POST', `${CERTIFICATES}/portal/delete`, { token: reader, f: 'json' }), 403, 'permissions');
    });

    test('what the Python package asks for at connect, and its sign-in pages', async () => {
      for (const path of ['/arcgis/info', '/arcgis/rest/info', '/arcgis/rest/services'])
        expect(
          (await exchange(system, { method: 'GET', path: `${path}?f=json` })).header('www-authenticate'),
        ).toBeUndefined();
      const info = await exchange(system, { method: 'GET', path: '/arcgis/sharing/rest/info?f=json' });
      expect(info.json.authInfo).toEqual({
        isTokenBasedSecurity: true,
        tokenServicesUrl: `${system.url}/arcgis/sharing/rest/generateToken`,
      });
      const host = new URL(system.url).host;
      const authorize = (redirect: string) =>
        exchange(system, {
          method: 'GET',
          path: `/arcgis/sharing/rest/oauth2/authorize?response_type=token&client_id=pythonapi&redirect_uri=${encodeURIComponent(redirect)}&state=xyz&expiration=60&f=json`,
        });
      const page = await authorize(`http://${host}`);
      const state = JSON.parse(/^var oAuthInfo = (\{.*\});$/m.exec(page.text)![1]!).oauth_state as string;
      const signIn = (fields: Record<string, string>) =>
        form('POST', '/arcgis/sharing/oauth2/signin', {
          expiration: '60',
          oauth_state: state,
          username: 'siteadmin',
          password: system.apiKey,
          ...fields,
        });
      const answer = await signIn({});
      const location = new URL(answer.header('location')!);
      const fragment = new URLSearchParams(location.hash.slice(1));
      expect([answer.status, location.host, fragment.get('expires_in'), fragment.get('state')]).toEqual([
        302,
        host,
        '3600',
        'xyz',
      ]);
      const made = fragment.get('access_token')!;
      const bearer = (path: string) =>
        exchange(system, {
          method: 'GET',
          path: `${path}?f=json`,
          headers: { 'x-esri-authorization': `Bearer ${made}`, referer: '' },
        });
      expect((await bearer('/arcgis/sharing/rest/portals/self')).json).toMatchObject({
        isPortal: true,
        portalMode: 'singletenant',
        user: { username: 'siteadmin' },
      });
      expect((await bearer('/arcgis/sharing/rest/community/users/siteadmin')).json.privileges.join()).toContain(
        ':admin:',
      );
      failed(await authorize('https://evil.example.com/'), 400, 'redirect_uri');
      failed(
        await form('POST', '/arcgis/sharing/oauth2/signin', {
          oauth_state: `${state}x`,
          username: 'x',
          password: system.apiKey,
          f: 'json',
        }),
        400,
        'oauth_state',
      );
      failed(await signIn({ password: 'wrong', f: 'json' }), 400, 'Unable to generate token');
    });
  });

  test('the probes around the certificates', async () => {
    expect((await exchange(system, { method: 'GET', path: `${ADMIN}/healthCheck/?f=json` })).text).toBe(
      '{"status":"success"}',
    );
    expect((await get(ADMIN)).json).toMatchObject({ version: '11.3', isUpgrade: false, isPostUpgrade: false });
    expect((await get(`${ADMIN}/machines`)).text).toBe(`{"machines":[{"machineName":"${MACHINE}"}]}`);
    expect((await get(`${ADMIN}/security`)).status).toBe(200);
  });

  test('a GET changes nothing: a machine whose keystore has no key answers as it is', async () => {
    const jobs = async () => (await call(system, 'GET', `/v1/jobs?storeId=${storeId}`)).body['items'] as object[];
    const [one, two] = await Promise.all([get(CERTIFICATES), get(SITE)]);
    expect(one.text).toBe(
      '{"sslCertificates":[],"webServerCertificateAlias":"","sslProtocols":"TLSv1.2,TLSv1.3","cipherSuites":"TLS_AES_256_GCM_SHA384,TLS_AES_128_GCM_SHA256","HSTSEnabled":false}',
    );
    expect(two.text).toBe(one.text);
    for (const path of ['portal', 'portal/export']) failed(await get(`${CERTIFICATES}/${path}`), 404, 'portal');
    expect([existsSync(keystore()), await jobs()]).toEqual([false, []]);
    expect((await call(system, 'GET', '/v1/certificates')).body['items']).toEqual([]);
    failed(
      await form('POST', `${CERTIFICATES}/update`, { webServerCertificateAlias: 'portal', token, f: 'json' }),
      400,
      'does not exist',
    );
    failed(await form('POST', `${CERTIFICATES}/portal/delete`, { token, f: 'json' }), 404, 'portal');
    expect(existsSync(keystore())).toBe(false);
  });

  test('the first certificate with its key is what the web server uses', async () => {
    const [key, certificate] = [join(folder, 'portal.key'), join(folder, 'portal.pem')];
    const names = ['-subj', `/CN=${MACHINE}`, '-addext', `subjectAltName=DNS:${MACHINE}`];
    const made = ['-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate];
    execFileSync('openssl', ['req', '-x509', ...made, ...names], { stdio: 'pipe' });
    const pfx = ['-export', '-in', certificate, '-inkey', key, '-passout', `pass:${CANARY}`];
    expect((await importPfx('portal', execFileSync('openssl', ['pkcs12', ...pfx]))).text).toBe('{"status":"success"}');
    const { items } = (await call(system, 'GET', '/v1/audit?limit=1')).body;
    expect(items[0]).toMatchObject({
      action: 'POST /arcgis/portaladmin/machines/:machine/sslCertificates/importExistingServerCertificate',
      target: MACHINE,
      user: 'siteadmin',
    });
    expect((await get(CERTIFICATES)).json).toMatchObject({
      sslCertificates: ['portal'],
      webServerCertificateAlias: 'portal',
    });
    const entry = (await get(`${CERTIFICATES}/PORTAL`)).json;
    expect(entry).toMatchObject({
      aliasName: 'portal',
      entryType: 'PrivateKeyEntry',
      subject: `CN=${MACHINE}`,
      issuer: `CN=${MACHINE}`,
      subjectAlternativeNames: [`DNSName: ${MACHINE}`],
      keyAlgorithm: 'RSA',
      keySize: 2048,
      version: '3',
      signatureAlgorithm: 'SHA256withRSA',
    });
    expect(entry.validFrom).toMatch(/^\w{3} \w{3} \d\d \d\d:\d\d:\d\d UTC \d{4}$/);
    failed(await get(`${ADMIN}/machines/NOBODY/sslCertificates`), 404, 'NOBODY');
  });

  test('an answer as a page, as indented JSON and as compact JSON', async () => {
    const page = await exchange(system, {
      method: 'GET',
      path: `${CERTIFICATES}?token=${token}`,
      headers: { referer: 'referer' },
    });
    expect([page.header('content-type'), page.text.includes('<pre>')]).toEqual(['text/html; charset=utf-8', true]);
    const attack = await exchange(system, {
      method: 'GET',
      path: `${CERTIFICATES}/%3Cscript%3E?token=${token}`,
      headers: { referer: 'referer' },
    });
    expect(attack.text).not.toContain('<script>');
    expect((await exchange(system, { method: 'GET', path: `${ADMIN}/healthCheck?f=pjson` })).text).toBe(
      '{\n  "status": "success"\n}',
    );
  });

  describe('importing', () => {
    test('a CA-signed certificate needs its issuer first, or in the file', async () => {
      const { root, intermediate, leaf } = await makeChain('chain.example.com');
      const bare = makePfx(leaf);
      failed(
        await importPfx('bare', bare),
        500,
        /Unable to import certificate The issuer CN=Issuer of chain.example.com is not there/,
      );
      expect(await aliases()).not.toContain('bare');
      failed(
        await importPfx('without', makePfx(leaf, [intermediate, root]), { importCertificateChain: 'False' }),
        500,
        'issuer',
      );
      expect((await importRoot('issuer', intermediate.pem)).text).toBe('{"status":"success"}');
      const answer = await importPfx('bare', bare);
      expect([answer.status, answer.text, answer.header('content-type')]).toEqual([
        200,
        '{"status":"success"}',
        'application/json;charset=utf-8',
      ]);
      expect((await get(`${CERTIFICATES}/issuer`)).json.entryType).toBe('trustedCertEntry');
      const before = await aliases();
      const other = await makeChain('other.example.com');
      expect((await importPfx('other', makePfx(other.leaf, [other.intermediate, other.root]))).text).toBe(
        '{"status":"success"}',
      );
      expect(added(before, await aliases())).toEqual(['other', 'other-ca1', 'other-ca2']);
    });

    test('every writer’s PKCS#12, passwords with special characters, and the same key under two aliases', async () => {
      const before = await aliases();
      const self = await makeCertificate({ commonName: 'rotate.example.com' });
      for (const [alias, options] of [
        ['modern', []],
        ['legacy', ['-legacy']],
        ['aes', ['-keypbe', 'AES-256-CBC', '-certpbe', 'AES-256-CBC']],
      ] as const)
        expect([alias, (await importPfx(alias, makePfx(self, [], ...options))).text]).toEqual([
          alias,
          '{"status":"success"}',
        ]);
      const listed = await aliases();
      expect(added(before, listed)).toEqual(['aes', 'legacy', 'modern']);
      expect(new Set(listed).size).toBe(listed.length);
      for (const alias of ['legacy', 'aes'])
        expect((await form('POST', `${CERTIFICATES}/${alias}/delete`, { token, f: 'json' })).text).toBe(
          '{"status":"success"}',
        );
      expect((await get(`${CERTIFICATES}/modern`)).json.sha1Fingerprint).toBe(
        readCertificate(self.der).thumbprint.toLowerCase(),
      );
    });

    test('multipart as each client sends it', async () => {
      const self = await makeCertificate({ commonName: 'multipart.example.com' });
      const pfx = makePfx(self);
      const file = { name: 'file', value: pfx, fileName: 'a b.pfx', type: 'application/x-pkcs12' };
      const text = (alias: string): Part[] => [
        { name: 'f', value: 'json' },
        { name: 'token', value: token },
        { name: 'alias', value: alias },
        { name: 'password', value: CANARY },
      ];
      const guid = '0d6dcb2c-7bd1-4d3b-9a63-0a5d7c1f9e10';
      const ways: [string, Promise<Answer>][] = [
        ['file first', upload(`${SITE}/importExistingServerCertificate`, [file, ...text('way-1')])],
        [
          'file between',
          upload(`${SITE}/ImportExistingServerCertificate/`, [
            ...text('way-2').slice(0, 2),
            file,
            ...text('way-2').slice(2),
          ]),
        ],
      ];
      for (const [name, answer] of ways) expect([name, (await answer).text]).toEqual([name, '{"status":"success"}']);
      const path = `${CERTIFICATES}/importExistingServerCertificate`;
      expect((await upload(path, [...text('way-3').toReversed(), file], { boundary: guid })).text).toBe(
        '{"status":"success"}',
      );
      expect(
        (await upload(path, [...text('way-4'), file], { newline: '\n', quoted: false, boundary: guid })).text,
      ).toBe('{"status":"success"}');
      expect(
        (await upload(path, [...text('way-5'), file], { type: 'multipart/form-data; boundary="b0undary"' })).text,
      ).toBe('{"status":"success"}');
      expect((await upload(path, [...text('way-6'), file], { type: 'multipart/form-data' })).text).toBe(
        '{"status":"success"}',
      );
      const synonyms: Part[] = [
        { name: 'certPassword', value: CANARY },
        { name: 'alias', value: 'way-7' },
        { name: 'token', value: token },
        { name: 'f', value: 'json' },
        { ...file, name: 'certFile' },
      ];
      expect((await upload(path, synonyms)).text).toBe('{"status":"success"}');
      if (hasProgram('curl')) {
        writeFileSync(join(folder, 'curl.pfx'), pfx);
        writeFileSync(join(folder, 'password'), CANARY);
        const args = [
          '-sS',
          '-e',
          'referer',
          '-F',
          `file=@${join(folder, 'curl.pfx')}`,
          '-F',
          `password=<${join(folder, 'password')}`,
          '-F',
          'alias=way-8',
          '-F',
          `token=${token}`,
          '-F',
          'f=json',
        ];
        expect(execFileSync('curl', [...args, `${system.url}${path}`]).toString()).toBe('{"status":"success"}');
      }
    });

    test('each cause of a failed import has its own words, and nothing is kept', async () => {
      const before = await aliases();
      const bytes = readFileSync(keystore());
      const self = await makeCertificate({ commonName: 'bad.example.com' });
      const pfx = makePfx(self);
      const noKey = (() => {
        const path = join(folder, 'nokey.pem');
        writeFileSync(path, self.pem);
        return execFileSync('openssl', ['pkcs12', '-export', '-nokeys', '-in', path, '-passout', `pass:${CANARY}`]);
      })();
      failed(await importPfx('portal', pfx), 500, /Unable to import certificate The alias portal already exists/);
      failed(await importPfx('PORTAL', pfx), 500, 'already exists');
      failed(await importPfx('nokey', noKey), 500, 'no private key');
      // Nor where the inventory has the key: it is not in the file that was sent.
      const known = await call(system, 'POST', '/v1/imports', {
        contentBase64: Buffer.from(self.pem + self.keyPem).toString('base64'),
      });
      expect(known.body['items']).toMatchObject([{ result: 'created', hasPrivateKey: true }]);
      failed(await importPfx('nokey', noKey), 500, 'no private key');
      failed(await importPfx('pem', Buffer.from(self.pem + self.keyPem)), 500, 'takes pkcs12, not pem');
      failed(await importPfx('rubbish', randomBytes(500)), 500, 'not a certificate');
      failed(await importPfx('cut', pfx.subarray(0, 700)), 500, /ends/);
      const wrong = await upload(`${CERTIFICATES}/importExistingServerCertificate`, [
        { name: 'alias', value: 'wrong' },
        { name: 'password', value: 'canary-wrong' },
        { name: 'token', value: token },
        { name: 'f', value: 'json' },
        { name: 'file', value: pfx, fileName: 'x.pfx' },
      ]);
      failed(wrong, 500, /password/);
      for (const alias of ['', 'a/b', 'x'.repeat(256), 'a\nb']) failed(await importPfx(alias, pfx), 400, 'alias');
      const noFile = await upload(`${CERTIFICATES}/importExistingServerCertificate`, [
        { name: 'alias', value: 'nofile' },
        { name: 'token', value: token },
        { name: 'f', value: 'json' },
      ]);
      failed(noFile, 400, 'part "file"');
      const whole = multipart([
        { name: 'token', value: token },
        { name: 'f', value: 'json' },
        { name: 'alias', value: 'cut' },
        { name: 'file', value: pfx, fileName: 'x' },
      ]);
      const cut = await exchange(system, {
        method: 'POST',
        path: `${CERTIFICATES}/importExistingServerCertificate?f=json`,
        headers: { 'content-type': 'multipart/form-data; boundary=b0undary', referer: 'referer' },
        body: whole.subarray(0, -200),
      });
      failed(cut, 400, 'cut short');
      failed(await importRoot('many', self.pem + self.pem.replace('x', 'x')), 500, '2 certificates');
      failed(await importRoot('rubbish', 'rubbish'), 500, 'not a certificate');
      failed(await importPfx('flag', pfx, { importCertificateChain: 'perhaps' }), 400, 'true or false');
      expect(await aliases()).toEqual(before);
      expect(readFileSync(keystore())).toEqual(bytes);
    });
  });

  test('a certificate is rotated as clients do it, over a second alias', async () => {
    const update = (alias: string) =>
      form('POST', `${CERTIFICATES}/update`, { webServerCertificateAlias: alias, token, f: 'json' });
    const remove = (alias: string) => form('POST', `${CERTIFICATES}/${alias}/delete`, { token, f: 'json' });
    const [old, renewed] = [
      await makeCertificate({ commonName: 'rotated.example.com' }),
      await makeCertificate({ commonName: 'rotated.example.com' }),
    ];
    const sha1 = async () => (await get(`${CERTIFICATES}/rotated`)).json.sha1Fingerprint as string;
    const steps: [string, () => Promise<Answer>][] = [
      ['the old one', () => importPfx('rotated', makePfx(old))],
      ['in use', () => update('rotated')],
      ['the new one under another alias', () => importPfx('rotated-temp', makePfx(renewed))],
      ['in use', () => update('rotated-temp')],
      ['the old one goes', () => remove('rotated')],
      ['the new one under the old alias', () => importPfx('rotated', makePfx(renewed))],
      ['in use', () => update('rotated')],
      ['the other alias goes', () => remove('rotated-temp')],
    ];
    for (const [step, run] of steps) expect([step, (await run()).text]).toEqual([step, '{"status":"success"}']);
    expect(await sha1()).toBe(readCertificate(renewed.der).thumbprint.toLowerCase());
    expect(await aliases()).not.toContain('rotated-temp');
    const listed = execFileSync('keytool', ['-list', '-keystore', keystore(), '-storepass', STORE_PASSWORD], {
      stdio: 'pipe',
    }).toString();
    expect(listed).toMatch(/rotated, .*PrivateKeyEntry/);
    expect(listed).not.toContain('rotated-temp');
    await update('portal');
  });

  test('what is not there yet says so', async () => {
    failed(
      await form('POST', `${CERTIFICATES}/generateCertificate`, { token, f: 'json' }),
      400,
      'generateCertificate is not supported yet',
    );
    failed(await form('POST', `${CERTIFICATES}/portal/generateCSR`, { token, f: 'json' }), 400, 'not supported yet');
    const unknown = await exchange(system, { method: 'GET', path: '/arcgis/nothing?f=json' });
    expect([unknown.status, unknown.json.code]).toEqual([404, 404]);
  });

  test.skipIf(!hasProgram('openssl') || !hasProgram('keytool'))(
    'the whole way: token, root, PFX with chain, list, alias, update, export, delete',
    async () => {
      const before = await aliases();
      const { root, intermediate, leaf } = await makeChain('web.example.com');
      expect((await importRoot('acme-root', root.der)).text).toBe('{"status":"success"}');
      expect((await importPfx('web-temp', makePfx(leaf, [intermediate, root]))).text).toBe('{"status":"success"}');
      expect(added(before, await aliases())).toEqual(['acme-root', 'web-temp', 'web-temp-ca1']);
      // One client asks with its token in a form of a GET.
      const chef = await form('GET', `${CERTIFICATES}/WEB-TEMP`, { f: 'json', token });
      expect(chef.json).toMatchObject({
        aliasName: 'web-temp',
        entryType: 'PrivateKeyEntry',
        subject: 'CN=web.example.com',
        issuer: 'CN=Issuer of web.example.com',
      });
      failed(
        await form('POST', `${CERTIFICATES}/update`, { webServerCertificateAlias: 'nobody', token, f: 'json' }),
        400,
        'does not exist',
      );
      failed(
        await form('POST', `${CERTIFICATES}/update`, { webServerCertificateAlias: 'acme-root', token, f: 'json' }),
        400,
        'no private key',
      );
      failed(
        await form('POST', `${CERTIFICATES}/update`, {
          webServerCertificateAlias: 'web-temp',
          sslProtocols: 'SSLv3',
          token,
          f: 'json',
        }),
        400,
        'SSLv3',
      );
      const update = {
        webServerCertificateAlias: 'web-temp',
        sslProtocols: 'TLSv1.3',
        cipherSuites: 'TLS_AES_256_GCM_SHA384',
        HSTSEnabled: 'True',
        token,
        f: 'json',
      };
      expect((await form('POST', `${CERTIFICATES}/update`, update)).text).toBe('{"status":"success"}');
      expect((await get(SITE)).json).toMatchObject({
        webServerCertificateAlias: 'web-temp',
        sslProtocols: 'TLSv1.3',
        cipherSuites: 'TLS_AES_256_GCM_SHA384',
        HSTSEnabled: true,
      });
      failed(
        await form('POST', `${CERTIFICATES}/web-temp/delete`, { token, f: 'json' }),
        500,
        'web server uses web-temp',
      );
      const exported = await get(`${CERTIFICATES}/web-temp/export`);
      expect([exported.header('content-type'), exported.header('content-disposition')]).toEqual([
        'application/x-x509-ca-cert',
        'attachment; filename="web-temp.cer"',
      ]);
      writeFileSync(join(folder, 'web.cer'), exported.bytes);
      expect(
        execFileSync('openssl', ['x509', '-inform', 'DER', '-in', join(folder, 'web.cer'), '-noout', '-subject'])
          .toString()
          .trim(),
      ).toBe('subject=CN = web.example.com');
      const listed = execFileSync('keytool', ['-list', '-keystore', keystore(), '-storepass', STORE_PASSWORD], {
        stdio: 'pipe',
      }).toString();
      expect(listed).toMatch(/web-temp, .*PrivateKeyEntry/);
      expect(listed).toMatch(/acme-root, .*trustedCertEntry/);
      const deleted = await upload(`${CERTIFICATES}/portal/delete`, [
        { name: 'f', value: 'json' },
        { name: 'token', value: token },
      ]);
      expect(deleted.text).toBe('{"status":"success"}');
      expect(await aliases()).not.toContain('portal');
      failed(await form('POST', `${CERTIFICATES}/portal/delete`, { token, f: 'json' }), 404, 'portal');
      const { items } = (await call(system, 'GET', `/v1/jobs?storeId=${storeId}&limit=1`)).body;
      expect(items[0]).toMatchObject({ action: 'remove', alias: 'portal', status: 'succeeded' });
      expect(existsSync(keystore())).toBe(true);
    },
  );

  test('no secret of a request is in a log, an event or the database', async () => {
    const events = await fetch(`${system.url}/v1/events?lastEventId=0`, { headers: { 'x-api-key': system.apiKey } });
    const reader = events.body!.getReader();
    const seen = Buffer.from((await reader.read()).value!).toString();
    await reader.cancel();
    const database = join(system.dataDir, 'database');
    const stored = Buffer.concat(readdirSync(database).map((name) => readFileSync(join(database, name))));
    for (const secret of [CANARY, STORE_PASSWORD, token, system.apiKey]) {
      expect(system.output()).not.toContain(secret);
      expect(seen).not.toContain(secret);
      expect(stored.includes(secret)).toBe(false);
    }
  });
});
