import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import {
  freePort,
  hasProgram,
  makeCertificate,
  makeChain,
  runProgram,
  startProgram,
  temporaryFolder,
  type RunningProgram,
  type TestCertificate,
} from '@certferry/testing';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { Outbound } from '../outbound.ts';
import { nameOf, probeEndpoint, readEndpoint, type ReadOptions, type ServedEndpoint } from './read-endpoint.ts';

const host = '127.0.0.1';
const outbound = new Outbound({ allow: ['127.0.0.0/8'] });
const read = (port: number, more: Partial<ServedEndpoint> = {}, options: Partial<ReadOptions> = {}) =>
  readEndpoint(outbound, { host, port, ...more }, { signal: new AbortController().signal, ...options });

let leaf: TestCertificate;
let issuer: TestCertificate;
let other: TestCertificate;
beforeAll(async () => {
  ({ leaf, intermediate: issuer } = await makeChain('www.example.com'));
  other = await makeCertificate({ commonName: 'other.example.com' });
});

const running: (RunningProgram | Server)[] = [];
const accepted: Socket[] = [];
afterEach(async () => {
  for (const socket of accepted.splice(0)) socket.destroy();
  for (const one of running.splice(0)) await ('stop' in one ? one.stop('SIGKILL') : void one.close());
});

async function listen(server: Server): Promise<number> {
  running.push(server);
  server.on('connection', (socket) => accepted.push(socket.on('error', () => undefined)));
  await once(server.listen(0, host), 'listening');
  return (server.address() as AddressInfo).port;
}

describe.skipIf(!hasProgram('openssl'))('of openssl s_server', () => {
  async function serve(
    args: string[],
    chain: TestCertificate[],
    [cert, key] = [leaf.pem, leaf.keyPem],
  ): Promise<number> {
    const folder = temporaryFolder('s-server');
    const port = await freePort();
    writeFileSync(join(folder, 'cert.pem'), cert);
    writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 });
    writeFileSync(join(folder, 'chain.pem'), chain.map(({ pem }) => pem).join(''));
    const more = chain.length > 0 ? ['-cert_chain', 'chain.pem'] : [];
    const given = ['-accept', `${host}:${port}`, '-cert', 'cert.pem', '-key', 'key.pem', ...more, ...args];
    running.push(await startProgram('openssl', ['s_server', ...given], { ready: /ACCEPT/, cwd: folder }));
    return port;
  }

  test.each([
    ['TLS 1.3', '-tls1_3'],
    ['TLS 1.3 with AES-128', '-tls1_3 -ciphersuites TLS_AES_128_GCM_SHA256'],
    ['TLS 1.3 with ChaCha20', '-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256'],
    ['TLS 1.3 that asks for another group first', '-tls1_3 -groups secp521r1'],
    ['TLS 1.3 in small records', '-tls1_3 -max_send_frag 512'],
    ['TLS 1.3 that wants a certificate of the client', '-tls1_3 -Verify 1 -verify_return_error'],
    ['TLS 1.2', '-tls1_2'],
    ['TLS 1.2 in small records', '-tls1_2 -max_send_frag 512'],
    ['TLS 1.2 that wants a certificate of the client', '-tls1_2 -Verify 1 -verify_return_error'],
    ['TLS 1.0', '-tls1 -cipher DEFAULT:@SECLEVEL=0'],
  ])('%s: the chain as it is sent, in a wrong order and with a repetition', { timeout: 30_000 }, async (_, args) => {
    const chain = [other, issuer, other, leaf];
    const port = await serve(args.split(' '), chain);
    expect(await read(port)).toEqual([leaf, ...chain].map(({ der }) => der));
  });

  test.each([
    ['-tls1_3 -ciphersuites TLS_CHACHA20_POLY1305_SHA256', 'TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256'],
    [
      '-tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
      'TLSv1.2',
      /^TLS_ECDHE_(RSA|ECDSA)_WITH_AES_128_GCM_SHA256$/,
    ],
    ['-tls1_3 -Verify 1 -verify_return_error', 'TLSv1.3', /^TLS_/],
  ])('what was agreed on with %s', async (args, protocol, cipher) => {
    const port = await serve(args.split(' '), []);
    const shown = await probeEndpoint(outbound, { host, port }, { signal: new AbortController().signal });
    expect(shown).toMatchObject({
      certificates: [leaf.der],
      protocol,
      cipher: expect.stringMatching(cipher) as string,
    });
  });

  test('a chain of more than one TLS record', async () => {
    const chain = Array.from({ length: 60 }, () => issuer);
    expect(await read(await serve(['-tls1_3'], chain))).toHaveLength(61);
  });

  test('a key that is too small for TLS today', async () => {
    const args = 'req -x509 -newkey rsa:1024 -nodes -subj /CN=old -days 1 -keyout - -out -';
    const pem = await runProgram('openssl', args.split(' '));
    const key = /-----BEGIN PRIVATE KEY-----[^]*?-----END PRIVATE KEY-----\n/.exec(pem)![0];
    const port = await serve(['-cipher', 'DEFAULT:@SECLEVEL=0'], [], [pem.replace(key, ''), key]);
    expect(await read(port)).toHaveLength(1);
  });

  test('the certificate of the name that is asked for', { timeout: 30_000 }, async () => {
    const folder = temporaryFolder('sni');
    writeFileSync(join(folder, 'cert2.pem'), other.pem);
    writeFileSync(join(folder, 'key2.pem'), other.keyPem, { mode: 0o600 });
    const second = ['-cert2', join(folder, 'cert2.pem'), '-key2', join(folder, 'key2.pem')];
    const port = await serve(['-servername', 'other.example.com', ...second], []);
    expect(await read(port, { serverName: 'other.example.com' })).toEqual([other.der]);
    expect(await read(port, { serverName: 'www.example.com' })).toEqual([leaf.der]);
    expect(await read(port)).toEqual([leaf.der]);
  });
});

test('asks for the host by its name, and for an address by none', async () => {
  const asked: string[] = [];
  const server = createTlsServer({ key: leaf.keyPem, cert: leaf.pem });
  server.on('secureConnection', (socket) => asked.push(String(socket.servername)));
  const port = await listen(server);
  const named = new Outbound({ allow: [host], lookup: () => Promise.resolve([{ address: host, family: 4 }]) });
  await readEndpoint(named, { host: 'www.example.com', port }, { signal: new AbortController().signal });
  await read(port);
  await vi.waitFor(() => expect(asked).toEqual(['www.example.com', 'false']));
});

test('goes to no private address, however it is written', async () => {
  const server = createServer();
  const port = await listen(server);
  const signal = new AbortController().signal;
  for (const name of ['127.0.0.1', 'localhost', '0x7f.1', '2130706433', '::1', '::ffff:127.0.0.1', '0.0.0.0'])
    await expect(readEndpoint(new Outbound(), { host: name, port }, { signal })).rejects.toMatchObject({
      code: 'PERMISSION_DENIED',
      reason: 'ADDRESS_NOT_ALLOWED',
    });
  expect(accepted).toEqual([]);
});

test('asks DNS once and connects to the address that was checked', async () => {
  // The system says that localhost is 127.0.0.1; what was found and checked is another address.
  const server = createTlsServer({ key: leaf.keyPem, cert: leaf.pem });
  running.push(server);
  const reached: (string | undefined)[] = [];
  server.on('connection', (socket: Socket) => reached.push(socket.localAddress));
  await once(server.listen(0, '0.0.0.0'), 'listening');
  const lookup = vi.fn(() => Promise.resolve(['10.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }))));
  const { port } = server.address() as AddressInfo;
  const guarded = new Outbound({ allow: ['127.0.0.2'], lookup });
  await readEndpoint(guarded, { host: 'localhost', port }, { signal: new AbortController().signal });
  expect(reached).toEqual(['127.0.0.2']);
  expect(lookup).toHaveBeenCalledTimes(1);
});

test('says where nobody answers, where no TLS is spoken, and where none comes about', async () => {
  const nobody = await freePort();
  await expect(read(nobody)).rejects.toMatchObject({
    reason: 'CONNECT_FAILED',
    message: `Cannot connect to 127.0.0.1:${nobody} (ECONNREFUSED).`,
  });
  const plain = await listen(createServer((socket) => socket.write('220 mail.example.com ESMTP\r\n')));
  await expect(read(plain)).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    reason: 'TLS_FAILED',
    message: `127.0.0.1:${plain} does not show a certificate in TLS (ERR_SSL_WRONG_VERSION_NUMBER). If TLS is not spoken from the beginning there, say by startTls how it begins.`,
  });
  const closing = await listen(createServer((socket) => socket.destroy()));
  await expect(read(closing)).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'TLS_FAILED' });
  const alert = await listen(createTlsServer({}));
  await expect(read(alert)).rejects.toMatchObject({ code: 'UNAVAILABLE', reason: 'TLS_FAILED' });
});

test('does not wait beyond its time, nor when nobody waits', async () => {
  const server = createServer();
  const port = await listen(server);
  await expect(read(port, {}, { timeoutMs: 300 })).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
    reason: 'SOURCE_TOO_SLOW',
    message: `127.0.0.1:${port} did not answer within 0.3 s.`,
  });
  await expect(read(port, { startTls: 'smtp' }, { timeoutMs: 300 })).rejects.toMatchObject({
    reason: 'SOURCE_TOO_SLOW',
  });
  const caller = new AbortController();
  const left = new Error('left');
  server.once('connection', () => caller.abort(left));
  await expect(read(port, {}, { signal: caller.signal })).rejects.toBe(left);
  expect(accepted).toHaveLength(3);
  await Promise.all(accepted.map((socket) => socket.resume().destroyed || once(socket, 'close')));
});

test('a handshake without an end is cut off', async () => {
  // Hello requests, which clients pass over (RFC 5246, section 7.4.1.1).
  const record = Buffer.concat([Buffer.from([22, 3, 3, 0x40, 0]), Buffer.alloc(0x4000)]);
  const port = await listen(
    createServer((socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(record));
      };
      socket.on('drain', more);
      more();
    }),
  );
  await expect(read(port)).rejects.toMatchObject({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'LIMIT_EXCEEDED',
    message: `127.0.0.1:${port} sends more than 1048576 bytes in a handshake.`,
  });
});

test('an endpoint is named with its port, an IPv6 address in brackets', () => {
  expect(nameOf({ host: 'a.example.com', port: 443 })).toBe('a.example.com:443');
  expect(nameOf({ host: '2001:db8::1', port: 25 })).toBe('[2001:db8::1]:25');
});
