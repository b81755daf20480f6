import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createSecureContext, createServer as createTlsServer, TLSSocket } from 'node:tls';
import {
  freePort,
  hasProgram,
  makeCertificate,
  makeChain,
  startProgram,
  temporaryFolder,
  useMongoDb,
  useNats,
  type TestCertificate,
} from '@certferry/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { call, startCertferry, type RunningSystem, type Shape } from '../running-system.ts';

// Imports by URL and from an endpoint, from the REST API to servers on loopback, which have to be allowed.

const [mongodb, nats] = [await useMongoDb(), await useNats()];
const shapes: Shape[] = mongodb && nats ? ['standalone', 'four processes'] : ['standalone'];
const MAX_BYTES = 10 * 1024 * 1024;
/** Of a URL; none may be in a log, an answer or a database. */
const CANARY = 'canary-token-51c2';

type Chain = Awaited<ReturnType<typeof makeChain>>;

describe.each(shapes)('imports from elsewhere, %s', (shape) => {
  let system: RunningSystem;
  let folder: string;
  let own: TestCertificate;
  let chain: Chain;
  let origin: string;
  const requests: string[] = [];
  const servers: Server[] = [];
  const accepted: Socket[] = [];

  const listen = async (server: Server): Promise<number> => {
    servers.push(server);
    server.on('connection', (socket: Socket) => accepted.push(socket.on('error', () => undefined)));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return (server.address() as AddressInfo).port;
  };
  const answers: RequestListener = ({ url = '' }, response) => {
    requests.push(url);
    const [path] = url.split('?');
    if (path === '/web.pem') response.end(chain.leaf.keyPem + chain.leaf.pem + chain.intermediate.pem);
    else if (path === '/web.p12')
      response.end(readFileSync(new URL('../../libs/x509/fixtures/openssl-default.p12', import.meta.url)));
    else if (path === '/large') response.end(Buffer.alloc(MAX_BYTES + 1, 'Bag Attributes: <No Attributes>\n'));
    else if (path === '/moved') response.writeHead(302, { location: `/web.pem?${CANARY}` }).end();
    else if (path === '/away')
      response.writeHead(302, { location: `https://elsewhere.example.com/?${CANARY}` }).end(own.pem);
    else if (path === '/hangs') response.writeHead(200).write('-----BEGIN');
    else response.writeHead(Number(path!.slice(1))).end(own.pem);
  };

  beforeAll(async () => {
    folder = temporaryFolder('sources');
    [own, chain] = [await makeCertificate({ commonName: 'localhost' }), await makeChain('served.example.com')];
    writeFileSync(join(folder, 'ca.pem'), own.pem);
    system = await startCertferry(shape, {
      mongodb,
      nats,
      settings: { CERTFERRY_OUTBOUND_CA: join(folder, 'ca.pem') },
    });
    const https = createHttpsServer({ key: own.keyPem, cert: own.pem }, answers);
    origin = `https://localhost:${await listen(https)}`;
  });
  afterAll(async () => {
    for (const socket of accepted) socket.destroy();
    for (const server of servers) server.close();
    await system.stop();
  });

  const send = async (body: object, { path = '/v1/imports', ...headers }: Record<string, string> = {}) => {
    const answer = await call(system, 'POST', path, body, headers);
    expect(JSON.stringify(answer.body)).not.toContain(CANARY);
    return answer;
  };
  const everything = async () => {
    const [certificates, imports] = [
      await call(system, 'GET', '/v1/certificates'),
      await call(system, 'GET', '/v1/imports'),
    ];
    return { certificates: certificates.body['items'] as unknown[], imports: imports.body['items'] as unknown[] };
  };
  const refused = async (body: object, status: number, problem: object) => {
    const before = await everything();
    expect(await send(body)).toMatchObject({ status, body: problem });
    expect(await everything()).toEqual(before);
  };

  test('without the allowance loopback is refused before anything is asked of it', async () => {
    const { hostname, port } = new URL(origin);
    for (const body of [
      { url: `${origin}/web.pem?token=${CANARY}` },
      { url: `https://127.1:${port}/web.pem` },
      { url: 'https://169.254.169.254/latest/meta-data' },
      { endpoint: { host: hostname, port: Number(port) } },
      { endpoint: { host: '::1', port: Number(port) } },
    ])
      await refused(body, 403, { reason: 'ADDRESS_NOT_ALLOWED' });
    expect(requests).toEqual([]);
    system.environment['CERTFERRY_OUTBOUND_ALLOW'] = '127.0.0.1';
    await system.stop();
    await system.restart();
  });

  test('a dry run fetches, says what would come in, and keeps nothing', async () => {
    const port = await listen(createTlsServer({ key: chain.leaf.keyPem, cert: chain.leaf.pem }));
    for (const [body, source, hasPrivateKey] of [
      [{ url: `${origin}/web.pem?token=${CANARY}` }, `${origin}/web.pem`, true],
      [{ endpoint: { host: '127.0.0.1', port } }, `tls://127.0.0.1:${port}`, false],
    ] as const) {
      const { status, body: answer } = await send(body, { path: '/v1/imports/inspect' });
      expect([status, answer['status'], answer['source'], answer['id']]).toEqual([200, 'inspected', source, '']);
      expect(answer['items'][0]).toMatchObject({ result: 'created', subject: 'CN=served.example.com', hasPrivateKey });
    }
    expect(await everything()).toEqual({ certificates: [], imports: [] });
  });

  test('who may only read does not make the server fetch', async () => {
    const { body: reader } = await call(system, 'POST', '/v1/api-keys', { name: 'reader', scopes: ['read'] });
    const asked = requests.length;
    const inspect = async (body: object) =>
      await call({ ...system, apiKey: reader['key'] as string }, 'POST', '/v1/imports/inspect', body);
    expect(await inspect({ url: `${origin}/web.pem` })).toMatchObject({
      status: 403,
      body: { reason: 'SCOPE_REQUIRED' },
    });
    expect(requests.length).toBe(asked);
    expect((await inspect({ contentBase64: Buffer.from(own.pem).toString('base64') })).status).toBe(200);
  });

  test('what is no file of https, not served, elsewhere or too large is said, and nothing is kept', async () => {
    await refused({ url: origin.replace('https', 'http') }, 400, { reason: 'INVALID_URL' });
    await refused({ url: origin.replace('//', `//ann:${CANARY}@`) }, 400, { reason: 'INVALID_URL' });
    await refused({ url: `${origin}/web.pem`, contentBase64: '' }, 400, { reason: 'INVALID_FIELD' });
    await refused({ endpoint: { host: 'localhost', port: 65_536 } }, 400, { reason: 'INVALID_FIELD' });
    for (const [status, answered] of [
      [404, 409],
      [401, 409],
      [500, 503],
    ])
      await refused({ url: `${origin}/${status}?token=${CANARY}` }, answered!, {
        reason: 'URL_NOT_SERVED',
        detail: `${origin}/${status} answered with the status ${status}.`,
      });
    await refused({ url: `${origin}/away` }, 409, {
      reason: 'REDIRECT_NOT_FOLLOWED',
      detail: expect.stringContaining('https://elsewhere.example.com, which is somewhere else'),
    });
    await refused({ url: `${origin}/large` }, 413, {
      reason: 'LIMIT_EXCEEDED',
      detail: `${origin}/large has more than ${MAX_BYTES} bytes.`,
    });
    const nobody = await freePort();
    await refused({ endpoint: { host: '127.0.0.1', port: nobody } }, 503, { reason: 'CONNECT_FAILED' });
    const silent = await listen(createServer((socket) => socket.end()));
    await refused({ endpoint: { host: '127.0.0.1', port: silent } }, 503, { reason: 'TLS_FAILED' });
  });

  test('what does not come to an end in its time is left', async () => {
    const before = await everything();
    const port = await listen(createServer());
    const [url, endpoint] = await Promise.all([
      send({ url: `${origin}/hangs?token=${CANARY}` }),
      send({ endpoint: { host: '127.0.0.1', port } }),
    ]);
    const tooSlow = (detail: string) => ({ status: 504, body: { reason: 'SOURCE_TOO_SLOW', detail } });
    expect(url).toMatchObject(tooSlow(`${origin}/hangs did not answer within 20 s.`));
    expect(endpoint).toMatchObject(tooSlow(`127.0.0.1:${port} did not answer within 10 s.`));
    expect(await everything()).toEqual(before);
  });

  test('what a URL has is kept, over a redirect of its own host, and its query is not', async () => {
    const { status, body } = await send({ url: `${origin}/moved?token=${CANARY}`, tags: ['fetched'] });
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'completed', source: `${origin}/moved`, created: 2 });
    expect(body['items']).toMatchObject([
      { subject: 'CN=served.example.com', hasPrivateKey: true, result: 'created' },
      { subject: 'CN=Issuer of served.example.com', issuer: true, result: 'created' },
    ]);
    expect((await call(system, 'GET', `/v1/imports/${body['id']}`)).body).toEqual(body);
    const { certificates, imports } = await everything();
    expect(certificates).toHaveLength(2);
    expect(imports).toMatchObject([{ id: body['id'], source: `${origin}/moved` }]);
  });

  test('a keystore at a URL opens with its password, and with another one nothing of it is kept', async () => {
    const url = `${origin}/web.p12`;
    await refused({ url, password: 'wrong' }, 400, { reason: 'WRONG_PASSWORD' });
    await refused({ url }, 400, { reason: 'PASSWORD_REQUIRED' });
    const { body } = await send({ url, password: 'changeit' });
    expect(body).toMatchObject({ status: 'completed', format: 'pkcs12', source: url, created: 3 });
  });

  test('what an endpoint serves behind STARTTLS is kept, as it is sent', async () => {
    const secureContext = createSecureContext({
      key: chain.leaf.keyPem,
      cert: chain.leaf.pem + chain.root.pem + chain.intermediate.pem,
    });
    const port = await listen(createServer((socket) => void speakSmtp(socket, { secureContext })));
    const endpoint = { host: '127.0.0.1', port, startTls: 'smtp', serverName: 'served.example.com' };
    const { status, body } = await send({ endpoint });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'completed',
      source: `smtp://127.0.0.1:${port}?serverName=served.example.com`,
      created: 1,
      unchanged: 2,
    });
    expect(body['items'].map(({ subject }: { subject: string }) => subject)).toEqual([
      'CN=served.example.com',
      'CN=Root of served.example.com',
      'CN=Issuer of served.example.com',
    ]);
    expect(body['items'][0].fingerprintSha256).toBeTruthy();
    await refused({ endpoint: { ...endpoint, startTls: 'imap' } }, 503, { reason: 'START_TLS_REFUSED' });
  });

  test.skipIf(!hasProgram('openssl'))('what openssl s_server serves', async () => {
    const served = await makeChain('s-server.example.com');
    const port = await freePort();
    writeFileSync(join(folder, 'key.pem'), served.leaf.keyPem);
    writeFileSync(join(folder, 'leaf.pem'), served.leaf.pem);
    writeFileSync(join(folder, 'chain.pem'), served.intermediate.pem + served.root.pem);
    const files = ['-key', 'key.pem', '-cert', 'leaf.pem', '-cert_chain', 'chain.pem'];
    const server = await startProgram('openssl', ['s_server', '-accept', `127.0.0.1:${port}`, ...files], {
      cwd: folder,
      ready: /ACCEPT/,
    });
    const { body } = await send({ endpoint: { host: 'localhost', port } });
    expect(body).toMatchObject({ source: `tls://localhost:${port}`, created: 3 });
    expect(body['items'][0]).toMatchObject({ subject: 'CN=s-server.example.com', hasPrivateKey: false });
    await server.stop();
  });

  test('who would rather not wait is answered all the same: nothing that is empty becomes a job', async () => {
    const port = await listen(createTlsServer({ key: chain.leaf.keyPem, cert: chain.leaf.pem }));
    for (const body of [{ url: `${origin}/web.pem` }, { endpoint: { host: '127.0.0.1', port } }]) {
      const answer = await send(body, { prefer: 'respond-async' });
      expect([answer.status, answer.headers.get('preference-applied')]).toEqual([200, null]);
      expect(answer.body).toMatchObject({ status: 'completed', failed: 0 });
      expect(answer.body['unchanged']).toBeGreaterThan(0);
    }
    expect((await call(system, 'GET', '/v1/imports?status=failed')).body['items']).toEqual([]);
  });

  test('neither a log nor the embedded database has what stands behind the question mark', () => {
    expect(requests.some((url) => url.includes(CANARY))).toBe(true);
    expect(system.output()).not.toContain(CANARY);
    if (shape !== 'standalone') return;
    const database = join(system.dataDir, 'database');
    const files = readdirSync(database).map((name) => readFileSync(join(database, name)));
    expect(files.some((bytes) => bytes.includes(`${origin}/moved`))).toBe(true);
    expect(files.some((bytes) => bytes.includes(CANARY))).toBe(false);
  });
});

/** A mail server as far as STARTTLS (RFC 3207). */
async function speakSmtp(
  socket: Socket,
  { secureContext }: { secureContext: ReturnType<typeof createSecureContext> },
): Promise<void> {
  socket.write('220 mail.example.com ESMTP\r\n');
  const lines = createInterface(socket);
  for await (const line of lines) {
    if (line.startsWith('EHLO')) socket.write('250-mail.example.com\r\n250 STARTTLS\r\n');
    else if (line === 'STARTTLS') break;
    else return void socket.end('502 What is that?\r\n');
  }
  socket.removeAllListeners('data').removeAllListeners('end');
  socket.write('220 Go\r\n');
  new TLSSocket(socket, { isServer: true, secureContext }).on('error', () => undefined);
}
