import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { hasProgram, makeCertificate, makeChain, temporaryFolder } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, startCertferry, type RunningSystem } from '../running-system.ts';
import { exchange, golden, type Answer } from './exchange.ts';

const API = '/KeyfactorAPI';
const CANARY = 'canary-keyfactor-3b7e';
const [RFPEM, RFPKCS12, RFDER] = [102, 103, 104];
const fixture = (name: string) => readFileSync(new URL(`../../libs/x509/fixtures/${name}`, import.meta.url));
type Chain = Awaited<ReturnType<typeof makeChain>>;

describe('Keyfactor', () => {
  let system: RunningSystem;
  let agentId: string;
  let pfxPath: string;
  let chain: Chain;
  const auth = (user = String.raw`CORP\scripts`) =>
    `Basic ${Buffer.from(`${user}:${system.apiKey}`).toString('base64')}`;
  const send = (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    exchange(system, {
      method,
      path: API + path,
      headers: {
        Authorization: auth(),
        'Content-Type': 'application/json',
        'X-Keyfactor-Requested-With': 'APIClient',
        'x-keyfactor-api-version': '1',
        ...headers,
      },
      body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
    });
  const makeStore = async (type: number, path: string, more: object = {}): Promise<string> => {
    const body = {
      ClientMachine: 'web1.example.com',
      Storepath: join(system.storesDir, path),
      CertStoreType: type,
      AgentId: agentId,
      ...more,
    };
    const answer = await send('POST', '/CertificateStores', body);
    expect([answer.status, answer.text.slice(0, 200)]).toEqual([200, expect.any(String)]);
    return answer.json.Id as string;
  };
  const history = async (jobId: string): Promise<any> => {
    for (let tries = 0; tries < 400; tries++) {
      const query = encodeURIComponent(`JobId -eq "${jobId}"`);
      const [item] = (await send('GET', `/OrchestratorJobs/JobHistory?pq.queryString=${query}`)).json;
      if (item?.Status === 3) return item;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`job ${jobId} did not end`);
  };
  const importPem = async (pem: string, more: object = {}) => {
    const { status, json } = await send('POST', '/Certificates/Import', { Certificate: pem, ...more });
    expect(status).toBe(200);
    return json;
  };
  const numberOf = async (thumbprint: string) =>
    (await send('GET', `/Certificates?pq.queryString=${encodeURIComponent(`Thumbprint -eq "${thumbprint}"`)}`)).json[0]
      .Id as number;

  beforeAll(async () => {
    system = await startCertferry('standalone');
    agentId = (await send('GET', '/Agents')).json[0].AgentId;
    chain = await makeChain('kf.example.com');
    const folder = temporaryFolder('keyfactor');
    pfxPath = join(folder, 'kf.pfx');
    writeFileSync(
      join(folder, 'all.pem'),
      chain.leaf.keyPem + chain.leaf.pem + chain.intermediate.pem + chain.root.pem,
    );
    execFileSync('openssl', [
      'pkcs12',
      '-export',
      '-in',
      join(folder, 'all.pem'),
      '-out',
      pfxPath,
      '-passout',
      `pass:${CANARY}`,
    ]);
  });
  afterAll(() => system.stop());

  describe('conventions', () => {
    test('the login probe, from any casing, slashes and user name', async () => {
      const probe = await send('GET', '/Status/Endpoints');
      expect([probe.status, probe.header('content-type'), probe.header('x-keyfactor-product-version')]).toEqual([
        200,
        'application/json; charset=utf-8',
        '25.1.0.0',
      ]);
      expect(probe.json.every((one: unknown) => typeof one === 'string')).toBe(true);
      for (const path of [
        '/KeyfactorApi/Status/EndPoints',
        '/keyfactorapi//status/endpoints/',
        '/KeyFactorAPI///Status/Endpoints',
      ]) {
        const answer = await exchange(system, {
          method: 'GET',
          path,
          headers: { Authorization: auth('scripts@corp') },
        });
        expect([path, answer.status, answer.text]).toEqual([path, 200, probe.text]);
      }
      expect(
        (await send('GET', '/Status/Endpoints', undefined, { Authorization: `Bearer ${system.apiKey}` })).status,
      ).toBe(200);
    });

    test('a `null` body on GET and DELETE, an empty one, and every JSON content type', async () => {
      for (const [body, type] of [
        ['null', 'application/json'],
        ['', 'application/json'],
        ['null', 'text/json'],
      ] as const) {
        expect((await send('GET', '/Agents', body, { 'Content-Type': type })).status).toBe(200);
        const id = await makeStore(RFDER, `null-${Math.random()}.der`);
        const gone = await send('DELETE', `/CertificateStores/${id}`, body, { 'Content-Type': type });
        expect([gone.status, gone.text]).toEqual([204, '']);
      }
      for (const type of ['application/json-patch+json', 'text/json', 'application/vnd.x+json'])
        expect(
          (await send('POST', '/Certificates/Analyze', { Certificate: chain.leaf.pem }, { 'Content-Type': type }))
            .status,
        ).toBe(200);
    });

    test('errors: code and message, never a page', async () => {
      const refused = await exchange(system, { method: 'GET', path: `${API}/Agents` });
      expect([refused.status, refused.header('www-authenticate')]).toEqual([401, 'Basic realm="Certferry"']);
      expect(Object.keys(refused.json)).toEqual(['ErrorCode', 'Message']);
      const unknown = await send('GET', '/Nothing');
      expect([unknown.status, unknown.text]).toEqual([
        404,
        '{"ErrorCode":"0xA0110008","Message":"There is no GET /KeyfactorAPI/Nothing."}',
      ]);
      expect((await send('POST', '/Certificates/Import', '{"Certificate":')).text).toBe(
        '{"ErrorCode":"0xA011000F","Message":"The body is not valid JSON."}',
      );
      expect((await send('GET', '/Agents', undefined, { 'x-keyfactor-api-version': '9' })).status).toBe(400);
      for (const version of ['1.0', '2', '2.0'])
        expect((await send('GET', '/Agents', undefined, { 'x-keyfactor-api-version': version })).status).toBe(200);
      const { key } = (await call(system, 'POST', '/v1/api-keys', { name: 'reader', scopes: ['read'] })).body;
      const reader = { Authorization: `Basic ${Buffer.from(`x:${key}`).toString('base64')}` };
      expect((await send('POST', '/Certificates/Import', { Certificate: chain.leaf.pem }, reader)).status).toBe(403);
    });

    test('the user name is recorded, the key is not', async () => {
      await send('POST', '/Certificates/Import', { Certificate: chain.root.pem });
      const { items } = (await call(system, 'GET', '/v1/audit?limit=1')).body;
      expect(items[0]).toMatchObject({
        caller: 'admin',
        user: String.raw`CORP\scripts`,
        action: 'POST /KeyfactorAPI/Certificates/Import',
      });
    });
  });

  describe('POST /Certificates/Import', () => {
    test('byte for byte: created, then unchanged', async () => {
      const one = await makeCertificate({ commonName: 'golden.example.com' });
      const { thumbprint } = readCertificate(one.der);
      const body = { Certificate: one.der.toString('base64') };
      const first = await send('POST', '/Certificates/Import', body);
      expect([first.status, golden(first.text, { thumbprint })]).toEqual([
        200,
        '{"ImportStatus":1,"JobStatus":1,"InvalidKeystores":[],"Thumbprint":"<thumbprint>"}',
      ]);
      expect((await send('POST', '/Certificates/Import', body)).json.ImportStatus).toBe(0);
    });

    test('every form of Certificate, in PascalCase and camelCase', async () => {
      const lines = (der: Buffer) => der.toString('base64').replace(/(.{64})/g, '$1\r\n');
      const p7 = (pem: string) => {
        const path = join(temporaryFolder('p7'), 'x.pem');
        writeFileSync(path, pem);
        return execFileSync('openssl', ['crl2pkcs7', '-nocrl', '-certfile', path, '-outform', 'DER']);
      };
      const forms: [string, (c: Awaited<ReturnType<typeof makeCertificate>>) => string][] = [
        ['base64 of DER', (c) => c.der.toString('base64')],
        ['base64 of DER with lines', (c) => lines(c.der)],
        ['PEM', (c) => c.pem],
        ['PEM with CRLF and a key before it', (c) => (c.keyPem + c.pem).replaceAll('\n', '\r\n')],
        ['base64 of a PEM file', (c) => Buffer.from(c.pem).toString('base64')],
        ['base64 of PKCS#7', (c) => p7(c.pem).toString('base64')],
      ];
      for (const [i, [name, write]] of forms.entries()) {
        const one = await makeCertificate({ commonName: `form-${i}` });
        const text = write(one);
        const answer = await send(
          'POST',
          '/Certificates/Import',
          i % 2
            ? { certificate: text, storeIds: [], storeTypes: [] }
            : { Certificate: text, StoreIds: [], StoreTypes: [] },
        );
        expect([name, answer.status, answer.json.Thumbprint]).toEqual([name, 200, readCertificate(one.der).thumbprint]);
        const found = (await send('GET', `/Certificates/${await numberOf(answer.json.Thumbprint)}`)).json;
        expect([name, found.HasPrivateKey]).toEqual([name, false]);
      }
    });

    test('metadata is stringified, replaced as a whole, and its fields are listed', async () => {
      const one = await makeCertificate({ commonName: 'meta.example.com' });
      await importPem(one.pem, { Metadata: { Owner: 'ops', 'Cost Center': 42, Critical: true, Empty: null } });
      const { thumbprint } = readCertificate(one.der);
      const get = async () =>
        (await send('GET', `/Certificates/${await numberOf(thumbprint)}?includeMetadata=true`)).json;
      expect((await get()).Metadata).toEqual({ Owner: 'ops', 'Cost Center': '42', Critical: 'true' });
      expect(await importPem(one.pem, { metadata: { Owner: 'dev' } })).toMatchObject({ ImportStatus: 4 });
      expect((await get()).Metadata).toEqual({ Owner: 'dev' });
      expect((await send('GET', `/Certificates/${await numberOf(thumbprint)}`)).json.Metadata).toEqual({});
      const fields = await send('GET', '/MetadataFields');
      expect(fields.header('x-total-count')).toBe('3');
      expect(fields.json.map((field: { Name: string; DataType: number }) => [field.Name, field.DataType])).toEqual([
        ['Cost Center', 1],
        ['Critical', 1],
        ['Owner', 1],
      ]);
    });

    test('a key that comes later is 2; wrong passwords and rubbish are 400 and leave nothing', async () => {
      const count = async () =>
        (await send('GET', '/Certificates?pq.includeExpired=true&pq.returnLimit=1')).header('x-total-count');
      const before = await count();
      const pfx = readFileSync(pfxPath).toString('base64');
      for (const [body, message] of [
        [{ Certificate: pfx, Password: 'wrong' }, /password/i],
        [{ Certificate: pfx }, /password/i],
        [{ Certificate: 'cnViYmlzaA==' }, /not a certificate/],
        [{ Certificate: 'ru bb!sh' }, /neither PEM text nor base64/],
        [{ Certificate: '' }, /certificate/],
        [{}, /certificate/],
        [{ Certificate: pfx.slice(0, 800), Password: CANARY }, /ends/],
        [{ Certificate: pfx, Password: CANARY, Schedule: 'tomorrow' }, /not a time/],
      ] as const) {
        const answer = await send('POST', '/Certificates/Import', body);
        expect([answer.status, answer.json.ErrorCode]).toEqual([400, '0xA011000F']);
        expect(answer.json.Message).toMatch(message);
        expect(answer.text).not.toContain(CANARY);
      }
      expect(await count()).toBe(before);
      await importPem(chain.leaf.pem);
      expect(
        (await send('POST', '/Certificates/Import', { Certificate: pfx, Password: CANARY })).json.ImportStatus,
      ).toBe(2);
    });

    test('a bad store is told inside a 200, a good one gets the certificate', async () => {
      const good = await makeStore(RFPEM, 'import/good.pem');
      const keystore = await makeStore(RFPKCS12, 'import/no-alias.p12', { Password: { SecretValue: CANARY } });
      const unknown = '01a21030-0000-7000-8000-000000000000';
      const { thumbprint } = readCertificate(chain.leaf.der);
      const answer = await send('POST', '/Certificates/Import', {
        Certificate: readFileSync(pfxPath).toString('base64'),
        Password: CANARY,
        StoreIds: [good, keystore, unknown],
        StoreTypes: [{ StoreTypeId: RFPEM, Overwrite: true, Properties: [] }],
      });
      expect([answer.status, golden(answer.text, { keystore, unknown, thumbprint, folder: system.storesDir })]).toEqual(
        [
          200,
          '{"ImportStatus":0,"JobStatus":2,"InvalidKeystores":[' +
            '{"KeystoreId":"<keystore>","ClientMachine":"web1.example.com","StorePath":"<folder>/import/no-alias.p12","Alias":"","Reason":3,"Explanation":"A store of type RFPkcs12 needs an alias: give it in StoreTypes."},' +
            '{"KeystoreId":"<unknown>","ClientMachine":"","StorePath":"","Alias":"","Reason":1,"Explanation":"There is no certificate store <unknown>."}' +
            '],"Thumbprint":"<thumbprint>"}',
        ],
      );
      expect(
        (await send('POST', '/Certificates/Import', { Certificate: chain.root.pem, StoreIds: [unknown] })).json
          .JobStatus,
      ).toBe(3);
    });

    test('Analyze says what is in it and keeps nothing', async () => {
      const one = await makeCertificate({ commonName: 'analyzed' });
      const { thumbprint } = readCertificate(one.der);
      const answer = await send('POST', '/Certificates/Analyze', { Certificate: one.pem });
      expect(golden(answer.text, { thumbprint })).toBe(
        '[{"IssuedDN":"CN=analyzed","IssuerDN":"CN=analyzed","Thumbprint":"<thumbprint>","NotBefore":"2025-01-01T00:00:00Z","NotAfter":"2036-01-01T00:00:00Z","Metadata":{},"IsEndEntity":true}]',
      );
      expect((await send('GET', `/Certificates?QueryString=${encodeURIComponent('CN -eq "analyzed"')}`)).text).toBe(
        '[]',
      );
    });
  });

  describe('certificates and stores', () => {
    test('a certificate, member for member', async () => {
      const leaf = fixture('leaf.pem').toString();
      const { Thumbprint } = await importPem(leaf);
      const found = await send(
        'GET',
        `/Certificates?pq.queryString=${encodeURIComponent(`Thumbprint -eq "${Thumbprint}"`)}&pq.includeExpired=true`,
      );
      const [certificate] = found.json;
      expect(found.header('x-total-count')).toBe('1');
      const types = Object.fromEntries(
        Object.entries(certificate).map(([key, value]) => [
          key,
          value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value,
        ]),
      );
      expect(types).toEqual({
        Id: 'number',
        Thumbprint: 'string',
        SerialNumber: 'string',
        IssuedDN: 'string',
        IssuedCN: 'string',
        IssuedOU: 'string',
        IssuedEmail: 'null',
        IssuerDN: 'string',
        ImportDate: 'string',
        NotBefore: 'string',
        NotAfter: 'string',
        PrincipalId: 'null',
        PrincipalName: 'null',
        TemplateId: 'null',
        TemplateName: 'null',
        CertState: 'number',
        CertStateString: 'string',
        KeySizeInBits: 'number',
        KeyType: 'number',
        KeyTypeString: 'string',
        KeyUsage: 'number',
        DetailedKeyUsage: 'object',
        SigningAlgorithm: 'string',
        Curve: 'null',
        RequesterName: 'null',
        CertificateAuthorityName: 'null',
        ArchivedKey: 'boolean',
        HasPrivateKey: 'boolean',
        KeyRecoverable: 'boolean',
        ContentBytes: 'string',
        ExtendedKeyUsages: 'array',
        SubjectAltNameElements: 'array',
        CRLDistributionPoints: 'array',
        LocationsCount: 'array',
        SSLLocations: 'array',
        Locations: 'array',
        Metadata: 'object',
      });
      expect(certificate).toMatchObject({
        CertState: 1,
        KeyType: 1,
        KeySizeInBits: 2048,
        IssuedOU: 'Web',
        IssuerDN: 'CN=Acme Issuing,O=Acme',
      });
      expect(Buffer.from(certificate.ContentBytes, 'base64')).toEqual(
        Buffer.from(leaf.replace(/-----.*-----|\s/g, ''), 'base64'),
      );
    });

    test('the query language and its names; lists end; zero and empty mean the default', async () => {
      for (const i of [0, 1, 2]) await importPem((await makeCertificate({ commonName: `query-${i}.example.com` })).pem);
      const list = async (query: string) => await send('GET', `/Certificates?${query}`);
      const filter = encodeURIComponent(
        '(CN -eq "query-0.example.com" OR CN -eq "query-1.example.com")AND (KeySize -ge 256)',
      );
      for (const name of ['QueryString', 'pq.queryString', 'querystring', 'certificateStoreQuery.QUERYSTRING'])
        expect((await list(`${name}=${filter}`)).json.map((one: { IssuedCN: string }) => one.IssuedCN)).toEqual([
          'query-0.example.com',
          'query-1.example.com',
        ]);
      expect((await list(`pq.queryString=${filter.replaceAll('%20', '+')}&&`)).json.length).toBe(2);
      const paged = await list(`pq.queryString=${filter}&pq.pageReturned=2&ReturnLimit=1&sortField=CN&sortAscending=1`);
      expect([paged.header('x-total-count'), paged.json[0].IssuedCN]).toEqual(['2', 'query-0.example.com']);
      const past = await list(`pq.queryString=${filter}&pq.pageReturned=9`);
      expect([past.status, past.text, past.header('x-total-count')]).toEqual([200, '[]', '2']);
      expect((await list('pageReturned=0&returnLimit=0&sortField=&collectionId=0&verbose=0')).status).toBe(200);
      expect((await list('queryString=()')).status).toBe(200);
      expect((await list(`queryString=${encodeURIComponent('CN –contains "query-2"')}`)).json.length).toBe(1);
      const refused = await list(`queryString=${encodeURIComponent('Colour -eq "red"')}`);
      expect([refused.status, refused.json.Message]).toEqual([400, expect.stringContaining('Colour')]);
      expect((await list('collectionId=7')).status).toBe(400);
      expect((await send('GET', '/Certificates/999999')).status).toBe(404);
      expect((await send('GET', '/Certificates/x')).status).toBe(404);
    });

    test('expired certificates are left out unless asked for', async () => {
      await importPem(
        (await makeCertificate({ commonName: 'expired.example.com', notAfter: new Date('2025-06-01') })).pem,
      );
      const query = `queryString=${encodeURIComponent('CN -eq "expired.example.com"')}`;
      expect((await send('GET', `/Certificates?${query}`)).json).toEqual([]);
      expect((await send('GET', `/Certificates?${query}&includeExpired=true`)).json.length).toBe(1);
    });

    test('a store, byte for byte, and the ways its properties are written', async () => {
      const path = join(system.storesDir, 'golden.pem');
      const body = {
        ClientMachine: 'web9',
        Storepath: path,
        CertStoreType: RFPEM,
        AgentId: agentId,
        Properties: '{"IncludesChain":"true","ServerPassword":{"value":{"SecretValue":"' + CANARY + '"}}}',
        InventorySchedule: null,
        Password: null,
      };
      const made = await send('POST', '/CertificateStores', body);
      const { Id: id } = made.json;
      const expected =
        '{"Id":"<id>","DisplayName":"web9 - <path>","ClientMachine":"web9","Storepath":"<path>","CertStoreType":102,"Approved":true,"CreateIfMissing":true,' +
        String.raw`"Properties":"{\"IsTrustStore\":\"false\",\"IncludesChain\":\"true\"}","AgentId":"<agent>","AgentAssigned":true,"ContainerName":"","SetNewPasswordAllowed":false,` +
        '"Password":{"Value":null,"SecretTypeGuid":"","InstanceId":null,"InstanceGuid":null,"ProviderTypeParameterValues":[],"ProviderId":null,"IsManaged":false,"HasValue":false}}';
      expect([made.status, golden(made.text, { id, path, agent: agentId })]).toEqual([200, expected]);
      expect((await send('GET', `/certificatestores/${id.toUpperCase()}`)).text).toBe(made.text);
      const found = await send(
        'GET',
        `/CertificateStores?certificateStoreQuery.queryString=${encodeURIComponent('ClientMachine -eq "WEB9" AND CertStoreType -eq 102')}`,
      );
      expect([found.text, found.header('x-total-count')]).toEqual([`[${made.text}]`, '1']);
      expect((await send('GET', '/CertificateStores?certificateStoreQuery.pageReturned=9')).text).toBe('[]');
      const separate = await makeStore(RFPEM, 'separate.pem', {
        Properties: {
          SeparatePrivateKeyFilePath: { value: join(system.storesDir, 'separate.key') },
          IncludesChain: { Value: false },
        },
      });
      expect((await call(system, 'GET', `/v1/stores/${separate}`)).body['config']).toEqual({
        certificatePath: join(system.storesDir, 'separate.pem'),
        keyPath: join(system.storesDir, 'separate.key'),
      });
      expect((await call(system, 'GET', `/v1/stores/${id}`)).body['config']).toEqual({ combinedPath: path });
    });

    test('a trust store of many certificates, put and removed by their thumbprints', async () => {
      const id = await makeStore(RFPEM, 'trust.pem', { Properties: '{"IsTrustStore":"true"}' });
      expect((await call(system, 'GET', `/v1/stores/${id}`)).body['config']).toEqual({
        certificatePath: join(system.storesDir, 'trust.pem'),
        trustStore: true,
      });
      const { text } = await send('GET', `/CertificateStores/${id}`);
      expect(text).toContain(String.raw`\"IsTrustStore\":\"true\"`);
    });

    test('a store that cannot be is refused by name', async () => {
      const base = {
        ClientMachine: 'x',
        Storepath: join(system.storesDir, 'refused.pem'),
        CertStoreType: RFPEM,
        AgentId: agentId,
      };
      for (const [more, message] of [
        [{ CertStoreType: 2 }, /no certificate store type 2/],
        [{ Storepath: '/etc/ssl/x.pem' }, /below a store root/],
        [{ Storepath: '../x.pem' }, /below a store root/],
        [{ AgentId: '01a21030-0000-7000-8000-000000000000' }, /no agent/],
        [{ ContainerId: '7' }, /container 7/],
        [{ Properties: '{' }, /JSON object/],
        [{ Properties: '{"IsTrustStore":"true","SeparatePrivateKeyFilePath":"x.key"}' }, /a trustStore has/],
        [{ CertStoreType: RFPKCS12 }, /Password.SecretValue/],
        [{ ClientMachine: undefined }, /clientmachine/],
      ] as const) {
        const answer = await send('POST', '/CertificateStores', { ...base, ...more });
        expect([answer.status, answer.json.ErrorCode]).toEqual([400, '0xA011000F']);
        expect(answer.json.Message).toMatch(message);
      }
      expect((await send('DELETE', '/CertificateStores/01a21030-0000-7000-8000-000000000000')).status).toBe(404);
    });

    test('store types by id and by name, their enums as words', async () => {
      const types = await send('GET', '/CertificateStoreTypes');
      expect(
        types.json.map(
          (type: { StoreType: number; ShortName: string; CustomAliasAllowed: string; PrivateKeyAllowed: string }) => [
            type.StoreType,
            type.ShortName,
            type.CustomAliasAllowed,
            type.PrivateKeyAllowed,
          ],
        ),
      ).toEqual([
        [102, 'RFPEM', 'Forbidden', 'Optional'],
        [103, 'RFPkcs12', 'Required', 'Optional'],
        [104, 'RFDER', 'Forbidden', 'Optional'],
        [105, 'RFJKS', 'Required', 'Optional'],
      ]);
      expect((await send('GET', '/CertificateStoreTypes/Name/rfpem')).json[0].StoreType).toBe(102);
      expect((await send('GET', '/CertificateStoreTypes/103')).json.ShortName).toBe('RFPkcs12');
      expect((await send('GET', '/CertificateStoreTypes/999')).status).toBe(404);
    });

    test('the agent has every member that clients need, none of them null', async () => {
      const [agent] = (await send('GET', '/Agents')).json;
      for (const member of [
        'AgentId',
        'ClientMachine',
        'AgentPlatform',
        'Status',
        'Version',
        'Thumbprint',
        'LegacyThumbprint',
        'LastSeen',
        'Username',
      ])
        expect(agent[member]).not.toBeNull();
      expect((await send('GET', `/Agents/${agentId}`)).json.AgentId).toBe(agentId);
      expect((await send('GET', '/Agents/x')).status).toBe(404);
    });
  });

  describe('Add and Remove', () => {
    test('job ids in the order asked, in both casings; every form of Schedule', async () => {
      const [pem, p12] = [
        await makeStore(RFPEM, 'add/a.pem'),
        await makeStore(RFPKCS12, 'add/a.p12', { Password: { SecretValue: CANARY } }),
      ];
      await send('POST', '/Certificates/Import', {
        Certificate: readFileSync(pfxPath).toString('base64'),
        Password: CANARY,
      });
      const CertificateId = await numberOf(readCertificate(chain.leaf.der).thumbprint);
      const stores = [
        {
          CertificateStoreId: p12,
          Alias: 'kf',
          Overwrite: true,
          EntryPassword: null,
          PfxPassword: CANARY,
          IncludePrivateKey: true,
          JobFields: { 'Site Name': 'x' },
        },
        {
          CertificateStoreId: pem,
          Alias: 'whatever',
          Overwrite: true,
          EntryPassword: { SecretValue: '', Parameters: {}, Provider: 0 },
          IncludePrivateKey: true,
        },
      ];
      const answer = await send('POST', '/CertificateStores/Certificates/Add', {
        CertificateId,
        CertificateStores: stores,
        Schedule: { Immediate: true },
      });
      expect([answer.status, answer.json.length]).toEqual([200, 2]);
      const [first, second] = [await history(answer.json[0]), await history(answer.json[1])];
      expect([first.JobType, second.JobType, first.Result, second.Result]).toEqual([
        'RFPkcs12Management',
        'RFPEMManagement',
        2,
        2,
      ]);
      const camel = {
        certificateId: CertificateId,
        certificateStores: [{ certificateStoreId: pem, overwrite: true, includePrivateKey: true }],
        schedule: { exactlyOnce: { time: '2099-11-23T13:57:43.327734123+02:00' } },
        collectionId: 0,
      };
      const later = await send('POST', '//certificatestores/certificates/ADD/', camel);
      expect(later.status).toBe(200);
      const schedules: [object, object][] = [
        [{ ExactlyOnce: { Time: '2099-01-02T03:04:05.Z' } }, { ExactlyOnce: { Time: '2099-01-02T03:04:05Z' } }],
        [{ ExactlyOnce: { Time: '2099-01-02T03Z' } }, { ExactlyOnce: { Time: '2099-01-02T03:00:00Z' } }],
        [
          { ExactlyOnce: { Time: '2099-01-02T03:04:05.123456Z' }, Immediate: null },
          { ExactlyOnce: { Time: '2099-01-02T03:04:05.123Z' } },
        ],
        [{ Daily: { Time: '2099-01-02T03:04:05Z' } }, { Daily: { Time: '2099-01-02T03:04:05Z' } }],
        [
          { Weekly: { Days: ['Monday', 3], Time: '2099-01-01T03:04:05Z' } },
          { Weekly: { Days: [1, 3], Time: '2099-01-05T03:04:05Z' } },
        ],
        [{ Monthly: { Day: 5, Time: '2099-01-01T03:04:05Z' } }, { Monthly: { Day: 5, Time: '2099-01-05T03:04:05Z' } }],
      ];
      for (const [Schedule, expected] of schedules) {
        const { json, status } = await send('POST', '/CertificateStores/Certificates/Add', {
          CertificateId,
          CertificateStores: [{ CertificateStoreId: pem, Overwrite: true, IncludePrivateKey: true }],
          Schedule,
        });
        expect([Schedule, status]).toEqual([Schedule, 200]);
        const waiting = (await send('GET', '/OrchestratorJobs/ScheduledJobs')).json.find(
          (job: { Id: string }) => job.Id === json[0],
        );
        expect(waiting).toMatchObject({
          ClientMachine: 'web1.example.com',
          Target: join(system.storesDir, 'add/a.pem'),
          JobType: 'RFPEMManagement',
          Schedule: expected,
        });
        await call(system, 'POST', `/v1/jobs/${json[0]}/cancel`);
      }
      const interval = await send('POST', '/CertificateStores/Certificates/Add', {
        CertificateId,
        CertificateStores: [{ CertificateStoreId: pem, Overwrite: true, IncludePrivateKey: true }],
        Schedule: { Interval: { Minutes: 60 } },
      });
      expect((await history(interval.json[0])).Schedule).toEqual({ Interval: { Minutes: 60 } });
      const next = (await send('GET', '/OrchestratorJobs/ScheduledJobs')).json.find(
        (job: { Schedule: object }) => JSON.stringify(job.Schedule) === '{"Interval":{"Minutes":60}}',
      );
      await call(system, 'POST', `/v1/jobs/${next.Id}/cancel`);
      await call(system, 'POST', `/v1/jobs/${later.json[0]}/cancel`);
      for (const Schedule of [
        { Immediate: true, Interval: { Minutes: 5 } },
        { Off: true },
        { Weekly: { Days: ['Someday'], Time: '2099-01-01T00:00:00Z' } },
        { ExactlyOnce: { Time: 'soon' } },
        undefined,
      ])
        expect(
          (
            await send('POST', '/CertificateStores/Certificates/Add', {
              CertificateId,
              CertificateStores: [{ CertificateStoreId: pem }],
              Schedule,
            })
          ).status,
        ).toBe(400);
    });

    test('one refused entry refuses the whole call, and says which', async () => {
      const pem = await makeStore(RFPEM, 'refuse/a.pem');
      const p12 = await makeStore(RFPKCS12, 'refuse/a.p12', { Password: { SecretValue: CANARY } });
      const CertificateId = await numberOf(readCertificate(chain.root.der).thumbprint);
      const jobs = async () => (await call(system, 'GET', `/v1/jobs?storeId=${pem}`)).body['items'].length as number;
      const add = (CertificateStores: object[], more: object = {}) =>
        send('POST', '/CertificateStores/Certificates/Add', {
          CertificateId,
          CertificateStores,
          Schedule: {},
          ...more,
        });
      for (const [answer, message] of [
        [
          await add([{ CertificateStoreId: pem }, { CertificateStoreId: '01a21030-0000-7000-8000-000000000000' }]),
          /no certificate store/,
        ],
        [await add([{ CertificateStoreId: pem }, { CertificateStoreId: p12 }]), /needs an Alias/],
        [await add([{ CertificateStoreId: pem }], { CertificateId: 999_999 }), /no certificate 999999/],
        [await add([{ CertificateStoreId: pem }], { CollectionId: 12 }), /no certificate collection 12/],
        [await add([{ CertificateStoreId: pem, IncludePrivateKey: true }]), /private key/],
        [await add([]), /certificatestores/],
      ] as const) {
        expect(answer.status).toBe(400);
        expect(answer.json.Message).toMatch(message);
      }
      expect(await jobs()).toBe(0);
    });

    test('Remove repeats an entry without failing, and what is not there is a warning', async () => {
      const pem = await makeStore(RFPEM, 'remove/a.pem');
      const root = readCertificate(chain.root.der);
      const added = await send('POST', '/CertificateStores/Certificates/Add', {
        CertificateId: await numberOf(root.thumbprint),
        CertificateStores: [{ CertificateStoreId: pem, Alias: root.thumbprint }],
        Schedule: {},
      });
      expect((await history(added.json[0])).Result).toBe(2);
      const entry = { CertificateStoreId: pem, Alias: root.thumbprint, JobFields: {} };
      const other = await send('POST', '/CertificateStores/Certificates/Remove', {
        CertificateStores: [{ ...entry, Alias: 'A'.repeat(40) }],
        Schedule: {},
      });
      expect(await history(other.json[0])).toMatchObject({
        Result: 4,
        Message: expect.stringContaining('another certificate'),
      });
      const removed = await send('POST', '/CertificateStores/Certificates/Remove', {
        CertificateStores: [entry, entry],
        Schedule: { Immediate: true },
        CertificateId: 0,
        Alias: '',
        EntryPassword: null,
      });
      expect(removed.json.length).toBe(2);
      const results = [(await history(removed.json[0])).Result, (await history(removed.json[1])).Result];
      expect(results.toSorted()).toEqual([2, 3]);
      expect(existsSync(join(system.storesDir, 'remove/a.pem'))).toBe(false);
    });

    test('a job that fails says why in its history', async () => {
      const pem = await makeStore(RFPEM, 'taken.pem');
      const one = await makeCertificate({ commonName: 'one' });
      // For one of its names too: else the store's policy would refuse it.
      const two = await makeCertificate({ commonName: 'two', names: ['two', 'one'] });
      for (const certificate of [one, two]) await importPem(certificate.pem);
      const add = async (certificate: typeof one, Overwrite: boolean) =>
        await history(
          (
            await send('POST', '/CertificateStores/Certificates/Add', {
              CertificateId: await numberOf(readCertificate(certificate.der).thumbprint),
              CertificateStores: [{ CertificateStoreId: pem, Overwrite }],
              Schedule: {},
            })
          ).json[0],
        );
      expect((await add(one, false)).Result).toBe(2);
      const failed = await add(two, false);
      expect(failed).toMatchObject({ Result: 4, Status: 3, Message: expect.stringContaining('allow overwrite') });
      expect((await add(two, true)).Result).toBe(2);
      const failures = await send(
        'GET',
        `/OrchestratorJobs/JobHistory?queryString=${encodeURIComponent('Result -eq 4 AND JobType -contains "Management"')}`,
      );
      expect(failures.json.map((job: { JobId: string }) => job.JobId)).toContain(failed.JobId);
      expect(
        (await send('GET', `/OrchestratorJobs/JobHistory?queryString=${encodeURIComponent('JobType -eq "Inventory"')}`))
          .text,
      ).toBe('[]');
      const item = failures.json.find((job: { JobId: string }) => job.JobId === failed.JobId);
      expect(Object.keys(item)).toEqual([
        'JobHistoryId',
        'AgentMachine',
        'JobId',
        'Schedule',
        'JobType',
        'OperationStart',
        'OperationEnd',
        'Message',
        'Result',
        'Status',
        'StorePath',
        'ClientMachine',
      ]);
      expect(Number.isInteger(item.JobHistoryId)).toBe(true);
    });
  });

  test.skipIf(!hasProgram('openssl') || !hasProgram('keytool'))(
    'the whole way: probe, store, PFX with StoreIds, find, add now and in one minute, poll, inventories, remove',
    { timeout: 180_000 },
    async () => {
      const way = await makeChain('way.example.com');
      const folder = temporaryFolder('way');
      writeFileSync(join(folder, 'all.pem'), way.leaf.keyPem + way.leaf.pem + way.intermediate.pem + way.root.pem);
      execFileSync('openssl', [
        'pkcs12',
        '-export',
        '-legacy',
        '-in',
        join(folder, 'all.pem'),
        '-out',
        join(folder, 'way.pfx'),
        '-passout',
        `pass:${CANARY}`,
      ]);
      expect((await send('GET', '/Status/Endpoints')).status).toBe(200);
      const pem = await makeStore(RFPEM, 'way/tls.pem', { Properties: '{"IncludesChain":"true"}' });
      const other = await makeStore(RFPEM, 'way/other.pem');
      const p12 = await makeStore(RFPKCS12, 'way/keystore.p12', { Password: { SecretValue: CANARY } });
      const imported = await send('POST', '/Certificates/Import', {
        Certificate: readFileSync(join(folder, 'way.pfx')).toString('base64'),
        Password: CANARY,
        StoreIds: [pem],
        StoreTypes: [{ StoreTypeId: RFPEM, Overwrite: true, Properties: {} }],
      });
      expect(imported.json).toMatchObject({ ImportStatus: 1, JobStatus: 1, InvalidKeystores: [] });
      const id = await numberOf(imported.json.Thumbprint);
      const entry = { Overwrite: true, IncludePrivateKey: true };
      const now = await send('POST', '/CertificateStores/Certificates/Add', {
        CertificateId: id,
        CertificateStores: [{ ...entry, CertificateStoreId: p12, Alias: 'way' }],
        Schedule: { Immediate: true },
      });
      const Time = new Date(Date.now() + 60_000).toISOString();
      const later = await send('POST', '/CertificateStores/Certificates/Add', {
        CertificateId: id,
        CertificateStores: [{ ...entry, CertificateStoreId: other, Alias: imported.json.Thumbprint }],
        Schedule: { ExactlyOnce: { Time } },
      });
      expect(
        (await send('GET', '/OrchestratorJobs/ScheduledJobs')).json.map((job: { Id: string }) => job.Id),
      ).toContain(later.json[0]);
      expect((await history(now.json[0])).Result).toBe(2);
      const inventory = async (store: string) => (await send('GET', `/CertificateStores/${store}/Inventory`)).json;
      expect(await inventory(p12)).toMatchObject([{ Name: 'way', Certificates: [{ Id: id }, {}, {}], Parameters: {} }]);
      expect(await inventory(pem)).toMatchObject([
        { Name: imported.json.Thumbprint, Certificates: [{ Id: id, Metadata: {} }, {}] },
      ]);
      const located = (await send('GET', `/Certificates/${id}?includeLocations=true`)).json;
      expect(located.Locations.map((one: { CertStoreId: string }) => one.CertStoreId).toSorted()).toEqual(
        [pem, p12].toSorted(),
      );
      const combined = join(system.storesDir, 'way/tls.pem');
      expect(execFileSync('openssl', ['x509', '-in', combined, '-noout', '-pubkey']).toString()).toBe(
        execFileSync('openssl', ['pkey', '-in', combined, '-pubout']).toString(),
      );
      const keystore = join(system.storesDir, 'way/keystore.p12');
      const listed = execFileSync('keytool', ['-list', '-keystore', keystore, '-storepass', CANARY], {
        stdio: 'pipe',
      }).toString();
      expect(listed).toContain('way, ');
      expect(listed).toContain('PrivateKeyEntry');
      for (let tries = 0; tries < 100 && !existsSync(join(system.storesDir, 'way/other.pem')); tries++)
        await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect(await history(later.json[0])).toMatchObject({ Result: 2, Schedule: { ExactlyOnce: {} } });
      expect(
        (await send('GET', '/OrchestratorJobs/ScheduledJobs')).json.map((job: { Id: string }) => job.Id),
      ).not.toContain(later.json[0]);
      const removed = await send('POST', '/CertificateStores/Certificates/Remove', {
        CertificateStores: [
          { CertificateStoreId: p12, Alias: 'way' },
          { CertificateStoreId: pem, Alias: imported.json.Thumbprint },
        ],
        Schedule: { Immediate: true },
      });
      for (const job of removed.json) expect((await history(job)).Result).toBe(2);
      expect([await inventory(p12), await inventory(pem)]).toEqual([[], []]);
      expect(existsSync(combined)).toBe(false);
    },
  );

  test('no secret is in a log or in the database', () => {
    expect(system.output()).not.toContain(CANARY);
    expect(system.output()).not.toContain(system.apiKey);
    const database = join(system.dataDir, 'database');
    for (const name of readdirSync(database)) expect(readFileSync(join(database, name)).includes(CANARY)).toBe(false);
  });
});
