import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConnectionError, createClient, eachItem, followEvents, Problem, type Client } from './index.ts';

interface Seen {
  method: string;
  url: string;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

describe('the client', () => {
  let server: Server;
  let client: Client;
  let url: string;
  let seen: Seen[];
  let answer: (response: ServerResponse, request: Seen) => void;

  beforeEach(async () => {
    seen = [];
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const one = {
          method: request.method!,
          url: request.url!,
          headers: request.headers,
          body: Buffer.concat(chunks),
        };
        seen.push(one);
        answer(response, one);
      });
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    client = createClient({ baseUrl: `${url}/`, apiKey: () => 'the key' });
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const json =
    (status: number, body: object, headers: Record<string, string> = {}) =>
    (response: ServerResponse) =>
      void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

  test('puts path, query and JSON where the operation has them, with the key', async () => {
    answer = json(200, { id: 'a' });
    await client.getJob({ params: { id: '../x y' } });
    await client.listJobs({ query: { status: 'failed', limit: 2, withTotal: true, cursor: undefined } });
    await client.updateStore({ params: { id: 's' }, body: { name: 'new' }, headers: { 'x-more': 'yes' } });
    expect(seen.map(({ method, url: path }) => `${method} ${path}`)).toEqual([
      'GET /v1/jobs/..%2Fx%20y',
      'GET /v1/jobs?status=failed&limit=2&withTotal=true',
      'PATCH /v1/stores/s',
    ]);
    expect(seen[2]).toMatchObject({
      headers: { 'x-api-key': 'the key', 'content-type': 'application/json', 'x-more': 'yes' },
      body: Buffer.from('{"name":"new"}'),
    });
  });

  test('rejects with the problem that was answered, and when to try again', async () => {
    const problem = {
      type: 'urn:x',
      title: 'T',
      status: 429,
      detail: 'Too many.',
      reason: 'TOO_MANY',
      requestId: 'r1',
    };
    answer = json(429, { ...problem, details: { limit: '30' } }, { 'retry-after': '7' });
    const error = await client.listStores().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Problem);
    expect(error).toMatchObject({
      status: 429,
      reason: 'TOO_MANY',
      detail: 'Too many.',
      message: 'Too many.',
      requestId: 'r1',
      details: { limit: '30' },
      retryAfter: 7,
    });
  });

  test('tells another server’s error, and no server, apart', async () => {
    answer = (response) => void response.writeHead(502, { 'content-type': 'text/html' }).end('<h1>Bad</h1>');
    await expect(client.listStores()).rejects.toMatchObject({
      name: 'Problem',
      status: 502,
      reason: '',
      detail: '502 Bad Gateway',
      retryAfter: undefined,
    });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    const error = await client.listStores().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConnectionError);
    await expect(client.listStores({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('sends a container as a form, its fields before its file, and JSON instead where it is asked for', async () => {
    answer = json(200, { id: 'i' });
    const file = new File([new Uint8Array([1, 2, 3])], 'web.p12');
    await client.importCertificates({ form: { file, password: 'p', tags: ['a'], firstOfPem: true } });
    await client.importCertificates({ body: { contentBase64: 'AQID' } });
    const form = await new Response(new Uint8Array(seen[0]!.body), {
      headers: { 'content-type': seen[0]!.headers['content-type']! },
    }).formData();
    expect([...form].map(([name, value]) => (value instanceof File ? value.name : `${name}=${value}`))).toEqual([
      'password=p',
      'tags=["a"]',
      'firstOfPem=true',
      'web.p12',
    ]);
    expect(seen[1]!.body.toString()).toBe('{"contentBase64":"AQID"}');
  });

  test('sends texts as they are, names that end nothing, and tells how much of a form is on its way', async () => {
    answer = json(200, { id: 'i' });
    const file = new File([new Uint8Array(200_000)], 'a"\r\nb.pem');
    const password = 'a\nb\r\nc\rü\n';
    const told: number[][] = [];
    await client.importCertificates({ form: { file, password }, onUpload: (...counts) => told.push(counts) });
    const { headers, body } = seen[0]!;
    expect(body.toString('latin1')).toContain(`\r\n\r\n${Buffer.from(password).toString('latin1')}\r\n--`);
    expect(body.toString('latin1')).toContain('filename="a%22%0D%0Ab.pem"\r\n');
    expect(headers['content-length']).toBe(String(body.length));
    expect(told.at(-1)).toEqual([body.length, body.length]);
    expect(told.length).toBeGreaterThan(1);
  });

  test('gives a download’s bytes and name, and nothing where nothing is answered', async () => {
    const headers = { 'content-type': 'application/x-pkcs12', 'content-disposition': 'attachment; filename="web.p12"' };
    answer = (response) => void response.writeHead(200, headers).end(Buffer.from([0, 255]));
    const body = { format: 'p12', password: 'secret' } as const;
    expect(await client.downloadPrivateKey({ params: { id: 'c' }, body })).toEqual({
      bytes: new Uint8Array([0, 255]),
      fileName: 'web.p12',
      contentType: 'application/x-pkcs12',
    });
    answer = (response) => void response.writeHead(204).end();
    expect(await client.deleteStore({ params: { id: 's' } })).toBeUndefined();
  });

  test('walks the pages of a list up to as many as are wanted', async () => {
    answer = (response, { url: path }) => {
      const at = Number(new URL(path, url).searchParams.get('cursor') ?? 0);
      const items = [{ id: String(at) }, { id: String(at + 1) }];
      json(200, { items, ...(at < 4 && { nextCursor: String(at + 2) }) })(response);
    };
    const ids = async (most?: number) => {
      const found: string[] = [];
      for await (const { id } of eachItem(client.listJobs, { storeId: 's' }, most)) found.push(id);
      return found;
    };
    expect(await ids()).toEqual(['0', '1', '2', '3', '4', '5']);
    expect(seen.map(({ url: path }) => path)).toEqual([
      '/v1/jobs?storeId=s&limit=500',
      '/v1/jobs?storeId=s&limit=500&cursor=2',
      '/v1/jobs?storeId=s&limit=500&cursor=4',
    ]);
    expect(await ids(3)).toEqual(['0', '1', '2', '3']);
    expect(seen.at(-1)!.url).toBe('/v1/jobs?storeId=s&limit=1&cursor=2');
  });

  test('follows events over a lost connection, from the last one on', async () => {
    const message = (id: string) => `id: ${id}\nevent: t\ndata: ${JSON.stringify({ id, subject: 'é' })}\n\n`;
    answer = (response, { headers }) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      if (headers['last-event-id'] === '2') return void response.write(message('3'));
      // In pieces, one of them within a character.
      const bytes = Buffer.from(`: listening\n\n${message('1')}${message('2')}`);
      const cut = bytes.indexOf(0xc3) + 1;
      response.write(bytes.subarray(0, cut));
      setTimeout(() => response.write(bytes.subarray(cut), () => response.destroy()), 20);
    };
    const found: string[] = [];
    for await (const event of followEvents(client, { types: 'certferry.x', lastEventId: '0', reconnectMs: 1 })) {
      found.push(event.id + event.subject);
      if (found.length === 3) break;
    }
    expect(found).toEqual(['1é', '2é', '3é']);
    expect(seen.map(({ url: path, headers }) => [path, headers['last-event-id']])).toEqual([
      ['/v1/events?types=certferry.x', '0'],
      ['/v1/events?types=certferry.x', '2'],
    ]);
  });

  test('does not follow where it is not let in', async () => {
    answer = json(401, {
      type: 't',
      title: 't',
      status: 401,
      detail: 'No key.',
      reason: 'API_KEY_REQUIRED',
      requestId: 'r',
    });
    await expect(followEvents(client).next()).rejects.toMatchObject({ reason: 'API_KEY_REQUIRED' });
    expect(seen.length).toBe(1);
  });
});
