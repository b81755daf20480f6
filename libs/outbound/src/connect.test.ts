import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { freePort, makeCertificate } from '@certferry/testing';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connectDirectly } from './connect.ts';

const servers: Server[] = [];
const accepted: Socket[] = [];
async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.on('connection', (socket) => accepted.push(socket.on('error', () => undefined)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

afterEach(() => {
  for (const socket of accepted.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

const never = new AbortController().signal;
const host = '127.0.0.1';

describe('connecting directly', () => {
  let server: Awaited<ReturnType<typeof makeCertificate>>;
  beforeAll(async () => {
    server = await makeCertificate({ commonName: 'vault.example.com' });
  });
  const serveTls = () =>
    listen(createTlsServer({ key: server.keyPem, cert: server.pem }, (socket) => socket.end('hello')));

  test('reaches a plain server, and says where nobody answers', async () => {
    const port = await listen(createServer((socket) => socket.end('hello')));
    const socket = await connectDirectly({ host, port }, never);
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    const nobody = await freePort();
    await expect(connectDirectly({ host, port: nobody }, never)).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      reason: 'CONNECT_FAILED',
      message: `Cannot connect to 127.0.0.1:${nobody} (ECONNREFUSED).`,
    });
  });

  test('checks the certificate and the name of a TLS server', async () => {
    const port = await serveTls();
    const tls = { ca: server.pem, serverName: 'vault.example.com' };
    const socket = await connectDirectly({ host, port, tls }, never);
    expect(String((await once(socket, 'data'))[0])).toBe('hello');
    for (const wrong of [{ serverName: 'vault.example.com' }, { ...tls, serverName: 'other.example.com' }])
      await expect(connectDirectly({ host, port, tls: wrong }, never)).rejects.toMatchObject({
        reason: 'CONNECT_FAILED',
      });
  });

  test('ends with the signal: before, while a handshake hangs, and after', async () => {
    const reason = new Error('enough');
    const port = await listen(createServer());
    await expect(connectDirectly({ host, port }, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(accepted).toEqual([]);
    for (const tls of [undefined, {}]) {
      const stop = new AbortController();
      const connecting = connectDirectly({ host, port, tls }, stop.signal);
      if (!tls) await connecting;
      else await once(servers[0]!, 'connection');
      const closed = once(accepted.at(-1)!.resume(), 'close');
      stop.abort(reason);
      if (tls) await expect(connecting).rejects.toBe(reason);
      else expect((await connecting).destroyed).toBe(true);
      await closed;
    }
  });
});
