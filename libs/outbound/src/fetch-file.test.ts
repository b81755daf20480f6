import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeCertificate } from '@certferry/testing';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { fetchFile, type FetchOptions } from './fetch-file.ts';
import { Outbound, type OutboundOptions } from './outbound.ts';

const host = 'files.example.com';
let ca: string;
let tls: { key: string; cert: string };
beforeAll(async () => {
  const server = await makeCertificate({ commonName: host, names: [host, 'localhost'] });
  ca = server.pem;
  tls = { key: server.keyPem, cert: server.pem };
});

let servers: Server[] = [];
afterEach(() => {
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers = [];
});

/** Where the server is, without its scheme and host. */
async function serve(listener: RequestListener, options = tls): Promise<string> {
  const server = createServer(options, listener);
  servers.push(server);
  await once(server.listen(0, '0.0.0.0'), 'listening');
  return `https://${host}:${(server.address() as AddressInfo).port}`;
}

const at = (...addresses: string[]) =>
  vi.fn(() => Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))));

const loopback = (): OutboundOptions => ({ allow: ['127.0.0.1'], ca, lookup: at('127.0.0.1') });
const get = (url: string, options: Partial<FetchOptions> = {}, outbound: OutboundOptions = loopback()) =>
  fetchFile(new Outbound(outbound), { url, maxBytes: 1_000, signal: new AbortController().signal, ...options });

test('fetches a file with its query, and says who asks', async () => {
  const origin = await serve(({ url, headers }, response) => response.end(JSON.stringify({ url, headers })));
  const { url, headers } = JSON.parse(String(await get(`${origin}/a/web.pem?token=s3cret#part`)));
  expect(url).toBe('/a/web.pem?token=s3cret');
  expect(headers).toMatchObject({ host: new URL(origin).host, 'user-agent': 'certferry' });
  expect(headers).not.toHaveProperty('authorization');
});

test.each([
  ['nothing', 'Only', 'This is not a URL.'],
  ['http://files.example.com/a?s3cret', 'http', 'Only https is fetched, not http.'],
  ['file:///etc/passwd', 'file', 'Only https is fetched, not file.'],
  [
    'https://ann@files.example.com/',
    'a user',
    'The URL has a user or a password in it: download the file and import it.',
  ],
  [
    'https://:s3cret@files.example.com/',
    'a password',
    'The URL has a user or a password in it: download the file and import it.',
  ],
])('refuses %s', async (url, _, message) => {
  const lookup = at('127.0.0.1');
  await expect(get(url, {}, { lookup })).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
    reason: 'INVALID_URL',
    message,
  });
  expect(lookup).not.toHaveBeenCalled();
});

test('goes to no private address, however it is written', async () => {
  const listener = vi.fn<RequestListener>((_request, response) => void response.end('inside'));
  const { port } = new URL(await serve(listener));
  for (const name of [
    '127.0.0.1',
    '2130706433',
    '0x7f.1',
    'localhost',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '0.0.0.0',
  ])
    await expect(get(`https://${name}:${port}/`, {}, {})).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      reason: 'ADDRESS_NOT_ALLOWED',
      message: expect.stringContaining('CERTFERRY_OUTBOUND_ALLOW'),
    });
  await expect(get(`https://${host}:${port}/`, {}, { lookup: at('10.0.0.1', 'fd00::1') })).rejects.toMatchObject({
    message: `${host} has no public address: CERTFERRY_OUTBOUND_ALLOW can allow its name or network.`,
  });
  expect(listener).not.toHaveBeenCalled();
});

test('asks DNS once and connects to the address that was checked, also after a redirect', async () => {
  const reached: (string | undefined)[] = [];
  const listener: RequestListener = ({ url, socket }, response) => {
    reached.push(socket.localAddress);
    if (url === '/moved') response.writeHead(301, { location: '/here' });
    response.end('found');
  };
  // The system says that localhost is 127.0.0.1; what was found and checked is another address.
  const { port } = new URL(await serve(listener));
  const lookup = at('10.0.0.1', '127.0.0.2');
  const url = `https://localhost:${port}/moved`;
  expect(String(await get(url, {}, { allow: ['127.0.0.2'], ca, lookup }))).toBe('found');
  expect(reached).toEqual(['127.0.0.2', '127.0.0.2']);
  expect(lookup).toHaveBeenCalledTimes(1);
});

test('follows three redirects on the same origin, and none elsewhere', async () => {
  const listener: RequestListener = (request, response) => {
    const url = request.url!.split('?')[0]!;
    const left = Number(url.slice(1));
    if (url === '/away') response.writeHead(302, { location: 'https://other.example.com/?s3cret' });
    else if (url === '/port') response.writeHead(307, { location: `https://${host}:1/` });
    else if (url === '/plain') response.writeHead(308, { location: `http://${host}/` });
    else if (url === '/nowhere') response.writeHead(303);
    else if (url === '/odd') response.writeHead(303, { location: 'https://' });
    else if (left > 0) response.writeHead(302, { location: `/${left - 1}` });
    response.end('found');
  };
  const origin = await serve(listener);
  expect(String(await get(`${origin}/3`))).toBe('found');
  const refused = async (path: string, why: string) =>
    await expect(get(`${origin}${path}?s3cret`)).rejects.toMatchObject({
      code: 'FAILED_PRECONDITION',
      reason: 'REDIRECT_NOT_FOLLOWED',
      message: `${origin}${path} is not fetched: it redirects ${why}.`,
    });
  await refused('/4', 'more than 3 times');
  const elsewhere = (where: string) => `to ${where}, which is somewhere else: give that URL if you trust it`;
  await refused('/away', elsewhere('https://other.example.com'));
  await refused('/port', elsewhere(`https://${host}:1`));
  await refused('/plain', elsewhere(`http://${host}`));
  await refused('/nowhere', 'to nowhere');
  await refused('/odd', 'to nowhere');
});

test('a server without a trusted certificate for the host is not asked', async () => {
  const listener = vi.fn<RequestListener>((_request, response) => void response.end());
  const origin = await serve(listener);
  const { port } = new URL(origin);
  await expect(get(`${origin}/`, {}, { ...loopback(), ca: undefined })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    reason: 'CONNECT_FAILED',
    message: `Cannot connect to ${host}:${port} (DEPTH_ZERO_SELF_SIGNED_CERT).`,
  });
  await expect(get(`https://other.example.com:${port}/`)).rejects.toMatchObject({
    message: `Cannot connect to other.example.com:${port} (ERR_TLS_CERT_ALTNAME_INVALID).`,
  });
  expect(listener).not.toHaveBeenCalled();
});

test.each([
  [404, 'FAILED_PRECONDITION'],
  [401, 'FAILED_PRECONDITION'],
  [204, 'FAILED_PRECONDITION'],
  [429, 'UNAVAILABLE'],
  [500, 'UNAVAILABLE'],
])('the status %i is said, without the query', async (status, code) => {
  const origin = await serve((_request, response) => void response.writeHead(status).end());
  await expect(get(`${origin}/a.pem?s3cret`)).rejects.toMatchObject({
    code,
    reason: 'URL_NOT_SERVED',
    message: `${origin}/a.pem answered with the status ${status}.`,
    details: { status: String(status) },
  });
});

test('takes as many bytes as the limit, and not one more, announced or not', async () => {
  const origin = await serve(({ url }, response) => {
    const body = Buffer.alloc(Number(url!.slice(2)));
    if (url!.startsWith('/l')) response.setHeader('content-length', body.length);
    response.write(body.subarray(0, 500));
    response.end(body.subarray(500));
  });
  for (const kind of ['l', 'c']) {
    expect(await get(`${origin}/${kind}1000`)).toHaveLength(1_000);
    await expect(get(`${origin}/${kind}1001`)).rejects.toMatchObject({
      code: 'RESOURCE_EXHAUSTED',
      reason: 'LIMIT_EXCEEDED',
      message: `${origin}/${kind}1001 has more than 1000 bytes.`,
      details: { limit: 'URL bytes', value: '1000' },
    });
  }
});

test('a body without an end is cut off at the limit', async () => {
  const closed = Promise.withResolvers<void>();
  const origin = await serve((request, response) => {
    const more = setInterval(() => response.write(Buffer.alloc(400)), 5);
    request.socket.on('close', () => {
      clearInterval(more);
      closed.resolve();
    });
  });
  await expect(get(`${origin}/`)).rejects.toMatchObject({ reason: 'LIMIT_EXCEEDED' });
  await closed.promise;
});

test('what is compressed unasked, or broken off, is said to be', async () => {
  const origin = await serve(({ url }, response) => {
    if (url === '/gzip') response.setHeader('content-encoding', 'gzip').end('x');
    else if (url === '/short') response.writeHead(200, { 'content-length': 10 }).write('x', () => response.destroy());
    else response.destroy();
  });
  await expect(get(`${origin}/gzip`)).rejects.toMatchObject({
    reason: 'URL_NOT_SERVED',
    message: `${origin}/gzip answered with the encoding gzip, unasked.`,
  });
  for (const path of ['/short', '/none'])
    await expect(get(`${origin}${path}?s3cret`)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'CONNECT_FAILED',
      message: `${origin}${path} broke off its answer (ECONNRESET).`,
    });
});

test.each(['the answer', 'the rest of the body', 'DNS'])(
  'does not wait for %s beyond its time, nor when nobody waits',
  async (what) => {
    const caller = new AbortController();
    const left = new Error('left');
    const closed: Promise<unknown>[] = [];
    let hangs = (): void => undefined;
    const origin = await serve((request, response) => {
      closed.push(once(request.socket, 'close'));
      if (what !== 'the answer') response.writeHead(200).write('x');
      hangs();
    });
    const lookup = () => {
      hangs();
      return new Promise<never>(() => undefined);
    };
    const outbound = { ...loopback(), ...(what === 'DNS' && { lookup }) };
    await expect(get(`${origin}/?s3cret`, { timeoutMs: 300 }, outbound)).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      reason: 'SOURCE_TOO_SLOW',
      message: `${origin}/ did not answer within 0.3 s.`,
    });
    hangs = () => caller.abort(left);
    await expect(get(`${origin}/`, { signal: caller.signal }, outbound)).rejects.toBe(left);
    await Promise.all(closed);
  },
);

test('a host that DNS does not know is named', async () => {
  const lookup = () => Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }));
  await expect(get(`https://${host}/?s3cret`, {}, { lookup })).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    reason: 'HOST_NOT_FOUND',
    message: `There is no host ${host} (ENOTFOUND).`,
  });
});
