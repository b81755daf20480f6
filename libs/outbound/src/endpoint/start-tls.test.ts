import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { StartTls } from '@certferry/core';
import { makeCertificate, type TestCertificate } from '@certferry/testing';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { Outbound } from '../outbound.ts';
import { readEndpoint } from './read-endpoint.ts';

let certificate: TestCertificate;
beforeAll(async () => {
  certificate = await makeCertificate({ commonName: 'mail.example.com' });
});

const servers: Server[] = [];
const accepted: Socket[] = [];
afterEach(() => {
  for (const socket of accepted.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
});

type Bytes = string | Buffer;
/** What a server says, and what it must hear before it says the next. */
type Script = { says?: Bytes; hears?: Bytes; atOnce?: true }[];

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const bytesOf = (bytes: Bytes): Buffer => (typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);

/** A server that keeps to a script, one byte at a time unless it says otherwise, and then begins TLS. */
async function serve(script: Script): Promise<number> {
  const server = createServer((socket) => {
    accepted.push(socket.on('error', () => undefined));
    void play(socket, script);
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}

async function play(socket: Socket, script: Script): Promise<void> {
  socket.setNoDelay();
  for (const { says = '', hears = '', atOnce } of script) {
    let heard = Buffer.alloc(0);
    const expected = bytesOf(hears);
    while (heard.length < expected.length) {
      const chunk = socket.read(expected.length - heard.length) ?? socket.read();
      if (chunk) heard = Buffer.concat([heard, chunk]);
      else await once(socket, 'readable');
    }
    if (!heard.equals(expected)) return void socket.destroy();
    for (const part of atOnce ? [says] : bytesOf(says)) {
      socket.write(bytesOf(typeof part === 'number' ? Buffer.from([part]) : part));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const secureContext = createSecureContext({ key: certificate.keyPem, cert: certificate.pem });
  new TLSSocket(socket, { isServer: true, secureContext }).on('error', () => undefined);
}

async function read(startTls: StartTls, script: Script): Promise<{ port: number; reading: Promise<Buffer[]> }> {
  const port = await serve(script);
  const options = { signal: new AbortController().signal };
  return {
    port,
    reading: readEndpoint(new Outbound({ allow: ['127.0.0.1'] }), { host: '127.0.0.1', port, startTls }, options),
  };
}

const LDAP_REQUEST = hex('30 1d 02 01 01 77 18 80 16').toString('latin1') + '1.3.6.1.4.1.1466.20037';
const MYSQL_GREETING = (capabilities: string) =>
  hex(`4a 00 00 00 0a ${Buffer.from('8.0.36').toString('hex')} 00 01000000 0102030405060708 00 ${capabilities}`);
const greeting = (capabilities: string) =>
  Buffer.concat([MYSQL_GREETING(capabilities), Buffer.alloc(0x4a + 4 - MYSQL_GREETING(capabilities).length)]);
const SSL_REQUEST = hex(`20 00 00 01 008a0000 00000001 21 ${'00'.repeat(23)}`);
const HELLO = { says: '220-mail.example.com\r\n220 ESMTP\r\n' };
const EHLO = { hears: 'EHLO certferry.invalid\r\n', says: '250-mail.example.com\r\n250-STARTTLS\r\n250 SIZE 1\r\n' };

test.each<[StartTls, string, Script]>([
  ['smtp', 'with answers of many lines', [HELLO, EHLO, { hears: 'STARTTLS\r\n', says: '220 2.0.0 go\r\n' }]],
  [
    'imap',
    'with untagged answers',
    [{ says: '* OK ready\r\n' }, { hears: 'a STARTTLS\r\n', says: '* CAPABILITY X\r\na OK go\r\n' }],
  ],
  ['pop3', 'with bare ends of lines', [{ says: '+OK\n' }, { hears: 'STLS\r\n', says: '+OK go\n' }]],
  ['ldap', 'with short lengths', [{ hears: LDAP_REQUEST, says: hex('300c 020101 7807 0a0100 0400 0400') }]],
  [
    'ldap',
    'with long lengths, as Active Directory has them',
    [{ hears: LDAP_REQUEST, says: hex('308400000010 020101 788400000007 0a0100 0400 0400') }],
  ],
  ['postgres', 'as it says', [{ hears: hex('00000008 04d2162f'), says: 'S' }]],
  ['mysql', 'as it says', [{ says: greeting('ffff') }, { hears: SSL_REQUEST }]],
])('%s leads to TLS, %s', async (protocol, _, script) => {
  expect(await (await read(protocol, script)).reading).toEqual([certificate.der]);
});

test.each<[StartTls, string, Script]>([
  ['smtp', 'does not greet as SMTP servers do: "554 no service"', [{ says: '554 no service\r\n' }]],
  ['smtp', 'refuses EHLO: "502 no"', [HELLO, { ...EHLO, says: '502 no\r\n' }]],
  [
    'smtp',
    'refuses STARTTLS: "454 4.7.0 TLS not available"',
    [HELLO, EHLO, { hears: 'STARTTLS\r\n', says: '454 4.7.0 TLS not available\r\n' }],
  ],
  [
    'smtp',
    'says more than its answer before TLS',
    [HELLO, EHLO, { hears: 'STARTTLS\r\n', says: '220 go\r\n250 injected\r\n', atOnce: true }],
  ],
  ['imap', 'does not greet as IMAP servers do: "* PREAUTH in"', [{ says: '* PREAUTH in\r\n' }]],
  [
    'imap',
    'refuses STARTTLS: "a BAD what?"',
    [{ says: '* OK\r\n' }, { hears: 'a STARTTLS\r\n', says: 'a BAD what?\r\n' }],
  ],
  ['pop3', 'does not greet as POP3 servers do: "-ERR ??"', [{ says: '-ERR \x1b\xe4\r\n' }]],
  ['pop3', 'refuses STLS: "-ERR no"', [{ says: '+OK\r\n' }, { hears: 'STLS\r\n', says: '-ERR no\r\n' }]],
  [
    'ldap',
    'refuses StartTLS with the LDAP result 2',
    [{ hears: LDAP_REQUEST, says: hex('300c 020101 7807 0a0102 0400 0400') }],
  ],
  [
    'ldap',
    'does not answer as LDAP servers do',
    [{ hears: LDAP_REQUEST, says: hex('300c 020101 6107 0a0100 0400 0400') }],
  ],
  ['ldap', 'does not answer as LDAP servers do', [{ says: 'HTTP/1.1 400\r\n' }]],
  ['postgres', 'does not offer TLS: "N"', [{ hears: hex('00000008 04d2162f'), says: 'N' }]],
  ['postgres', 'does not answer as PostgreSQL does: "E"', [{ hears: hex('00000008 04d2162f'), says: 'E' }]],
  ['mysql', 'does not offer TLS', [{ says: greeting('fff7') }]],
  ['mysql', 'does not greet as MySQL servers do', [{ says: hex('01000000 09') }]],
  [
    'mysql',
    'does not talk to this machine: "Host is blocked"',
    [{ says: hex('1200 0000 ff 6904').toString('latin1') + 'Host is blocked' }],
  ],
])('%s: a server that %s', async (protocol, what, script) => {
  const { port, reading } = await read(protocol, script);
  await expect(reading).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    reason: 'START_TLS_REFUSED',
    message: `127.0.0.1:${port} ${what}.`,
  });
});

test('a server that talks without an end, or leaves, is not listened to', async () => {
  const endless = await read('smtp', [
    { says: Buffer.concat([Buffer.alloc(66_000, '2'), Buffer.from('20 hi\r\n')]), atOnce: true },
  ]);
  await expect(endless.reading).rejects.toMatchObject({
    reason: 'START_TLS_REFUSED',
    message: expect.stringMatching('says too much before TLS'),
  });
  const closed = await read('imap', [{ says: '* OK\r\n' }, { hears: 'LOGIN' }]);
  await expect(closed.reading).rejects.toMatchObject({
    message: expect.stringMatching('closed the connection before TLS'),
  });
});
