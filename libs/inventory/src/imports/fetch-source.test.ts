import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { inventoryV1 } from '@certferry/contracts';
import { WAYS } from '@certferry/rpc/testing';
import { makeCertificate, makeChain, temporaryFolder, type TestCertificate } from '@certferry/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startInventory, type TestInventory } from '../testing/start-inventory.ts';

const { CREATED, UNCHANGED } = inventoryV1.ImportResult;

let server: TestCertificate;
let trusted: string;
beforeAll(async () => {
  server = await makeCertificate({ commonName: 'localhost' });
  trusted = join(temporaryFolder('outbound'), 'ca.pem');
  writeFileSync(trusted, server.pem);
});

describe.each(WAYS)('imports from elsewhere %s', (way) => {
  let inventory: TestInventory;
  beforeEach(async () => {
    inventory = await startInventory(way, {}, { outboundAllow: '127.0.0.1,localhost', outboundCa: trusted });
  });
  const servers: Server[] = [];
  const accepted: Socket[] = [];
  afterEach(async () => {
    for (const socket of accepted.splice(0)) socket.destroy();
    for (const one of servers.splice(0)) one.close();
    await inventory.stop();
  });

  async function listen(one: Server): Promise<number> {
    servers.push(one);
    one.on('connection', (socket: Socket) => accepted.push(socket.on('error', () => undefined)));
    await once(one.listen(0, '127.0.0.1'), 'listening');
    return (one.address() as AddressInfo).port;
  }
  type Request = Parameters<TestInventory['imports']['importCertificates']>[0];
  const send = async (request: Request) => (await inventory.imports.importCertificates(request)).import!;
  const fromUrl = (value: string, more: Request = {}) => send({ source: { $case: 'url', value }, ...more });
  const fromEndpoint = (value: Partial<inventoryV1.ServedEndpoint>, more: Request = {}) =>
    send({ source: { $case: 'endpoint', value }, ...more });

  test('a file at a URL is imported, and the URL is kept without its query', async () => {
    const { leaf } = await makeChain('web.example.com');
    const key = { key: server.keyPem, cert: server.pem };
    const port = await listen(createHttpsServer(key, (_request, response) => response.end(leaf.keyPem + leaf.pem)));
    const done = await fromUrl(`https://localhost:${port}/web.pem?token=s3cret`);
    expect(done).toMatchObject({ source: `https://localhost:${port}/web.pem`, createdAt: inventory.clock.now() });
    expect(done.items).toMatchObject([{ result: CREATED, subject: 'CN=web.example.com', hasPrivateKey: true }]);
    const { import: kept } = await inventory.imports.getImport({ id: done.id });
    expect(kept!.source).toBe(`https://localhost:${port}/web.pem`);
    const dry = await fromUrl(`https://localhost:${port}/web.pem`, { dryRun: true });
    expect(dry).toMatchObject({ id: '', source: `https://localhost:${port}/web.pem`, items: [{ result: UNCHANGED }] });
  });

  test('what an endpoint serves is imported as it is sent, in its order and with its repetitions', async () => {
    const { leaf, intermediate, root } = await makeChain('www.example.com');
    const cert = [leaf, root, intermediate, root].map(({ pem }) => pem).join('');
    const port = await listen(createTlsServer({ key: leaf.keyPem, cert }));
    const done = await fromEndpoint({ host: '127.0.0.1', port, serverName: 'www.example.com' });
    expect(done.source).toBe(`tls://127.0.0.1:${port}?serverName=www.example.com`);
    const named = ['CN=www.example.com', 'CN=Root of www.example.com', 'CN=Issuer of www.example.com'];
    expect(done.items.map(({ subject }) => subject)).toEqual([...named, named[1]]);
    expect(done.items.filter(({ result }) => result === CREATED)).toHaveLength(3);
    const { import: kept } = await inventory.imports.getImport({ id: done.id });
    expect(kept).toMatchObject({ source: done.source, createdAt: inventory.clock.now(), format: 'pem' });
    const again = await fromEndpoint({ host: '127.0.0.1', port });
    expect(again.source).toBe(`tls://127.0.0.1:${port}`);
    expect(again.items.every(({ result }) => result === UNCHANGED)).toBe(true);
  });

  test('what is sent has no source', async () => {
    expect(await send({ content: Buffer.from(server.pem) })).toMatchObject({ source: '' });
  });

  test('what is no source, or nowhere to go, is refused by name, and nothing is kept', async () => {
    const endpoint = { host: '127.0.0.1', port: 1 };
    await expect(fromUrl('https://a.example.com/', { content: Buffer.from(server.pem) })).rejects.toMatchObject({
      reason: 'INVALID_FIELD',
      message: 'A container is either sent or fetched.',
    });
    await expect(fromUrl('http://localhost/?s3cret')).rejects.toMatchObject({ reason: 'INVALID_URL' });
    await expect(fromUrl('https://169.254.169.254/latest')).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      reason: 'ADDRESS_NOT_ALLOWED',
    });
    await expect(fromEndpoint({ ...endpoint, host: '10.0.0.1' })).rejects.toMatchObject({
      reason: 'ADDRESS_NOT_ALLOWED',
    });
    await expect(fromEndpoint(endpoint)).rejects.toMatchObject({ reason: 'CONNECT_FAILED' });
    for (const [wrong, field] of [
      [{ host: '' }, 'host'],
      [{ host: 'a b' }, 'host'],
      [{ port: 0 }, 'port'],
      [{ port: 65_536 }, 'port'],
      [{ startTls: 'ftp' }, 'startTls'],
    ] as const)
      await expect(fromEndpoint({ ...endpoint, ...wrong })).rejects.toMatchObject({
        code: 'INVALID_ARGUMENT',
        reason: 'INVALID_FIELD',
        details: { field: `endpoint.${field}` },
      });
    expect((await inventory.certificates.listCertificates({})).items).toEqual([]);
  });
});
