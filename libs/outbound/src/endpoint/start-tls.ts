import type { StartTls } from '@certferry/core';
import type { Dialogue } from './dialogue.ts';

/** RFC 3207. */
async function smtp(peer: Dialogue): Promise<void> {
  const reply = async (): Promise<string> => {
    for (;;) {
      const line = await peer.line();
      if (line[3] !== '-') return line;
    }
  };
  const expect = async (code: string, what: string) => {
    const line = await reply();
    if (!line.startsWith(code)) peer.refuse(what, line);
  };
  await expect('220', 'does not greet as SMTP servers do');
  peer.send('EHLO certferry.invalid\r\n');
  await expect('250', 'refuses EHLO');
  peer.send('STARTTLS\r\n');
  await expect('220', 'refuses STARTTLS');
}

/** RFC 9051, section 6.2.1. */
async function imap(peer: Dialogue): Promise<void> {
  const greeting = await peer.line();
  if (!/^\* OK\b/i.test(greeting)) peer.refuse('does not greet as IMAP servers do', greeting);
  peer.send('a STARTTLS\r\n');
  for (;;) {
    const line = await peer.line();
    if (/^a OK\b/i.test(line)) return;
    if (!line.startsWith('* ')) peer.refuse('refuses STARTTLS', line);
  }
}

/** RFC 2595, section 4. */
async function pop3(peer: Dialogue): Promise<void> {
  const greeting = await peer.line();
  if (!greeting.startsWith('+OK')) peer.refuse('does not greet as POP3 servers do', greeting);
  peer.send('STLS\r\n');
  const line = await peer.line();
  if (!line.startsWith('+OK')) peer.refuse('refuses STLS', line);
}

const START_TLS_OID = '1.3.6.1.4.1.1466.20037';
const SEQUENCE = 0x30;
const EXTENDED_RESPONSE = 0x78;

/** RFC 4511, section 4.14: an extended request, and the result code of its response. */
async function ldap(peer: Dialogue): Promise<void> {
  const name = [0x80, START_TLS_OID.length, ...Buffer.from(START_TLS_OID)];
  const request = [0x02, 1, 1, 0x77, name.length, ...name];
  peer.send(Buffer.from([SEQUENCE, request.length, ...request]));
  const message = await peer.take((received) => {
    if (received.length > 0 && received[0] !== SEQUENCE) peer.refuse('does not answer as LDAP servers do');
    const head = readBerHead(received);
    return head && head.at + head.length;
  });
  const id = readBerHead(message)!.at;
  const operation = id + 2 + (message[id + 1] ?? 0);
  const result = readBerHead(message.subarray(operation));
  if (message[operation] !== EXTENDED_RESPONSE || !result) peer.refuse('does not answer as LDAP servers do');
  const code = message[operation + result.at + 2];
  if (code !== 0) peer.refuse(`refuses StartTLS with the LDAP result ${code}`);
}

/** Where a value begins and how long it is; undefined as long as that is not there. */
function readBerHead(bytes: Buffer): { at: number; length: number } | undefined {
  const first = bytes[1];
  if (first === undefined) return undefined;
  if (first < 0x80) return { at: 2, length: first };
  const lengthBytes = Math.min(first & 0x7f, 6);
  const at = 2 + lengthBytes;
  return lengthBytes > 0 && bytes.length >= at ? { at, length: bytes.readUIntBE(2, lengthBytes) } : undefined;
}

/** PostgreSQL's frontend/backend protocol, SSLRequest. */
async function postgres(peer: Dialogue): Promise<void> {
  peer.send(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]));
  const answer = (await peer.take(() => 1)).toString('latin1');
  if (answer !== 'S') peer.refuse(answer === 'N' ? 'does not offer TLS' : 'does not answer as PostgreSQL does', answer);
}

const CLIENT_PROTOCOL_41 = 0x200;
const CLIENT_SSL = 0x800;
const CLIENT_SECURE_CONNECTION = 0x8000;
const UTF8 = 33;

/** MySQL's client/server protocol: the server's handshake packet, then SSLRequest. */
async function mysql(peer: Dialogue): Promise<void> {
  const packet = await peer.take((received) => (received.length < 4 ? undefined : 4 + received.readUIntLE(0, 3)));
  const payload = packet.subarray(4);
  if (payload[0] === 0xff) peer.refuse('does not talk to this machine', payload.toString('latin1', 3));
  // The version, an end, thread id, eight bytes for authentication, a filler; then the lower capabilities.
  const capabilities = payload.indexOf(0, 1) + 1 + 4 + 8 + 1;
  if (payload[0] !== 10 || payload.length < capabilities + 2) peer.refuse('does not greet as MySQL servers do');
  if (!(payload.readUInt16LE(capabilities) & CLIENT_SSL)) peer.refuse('does not offer TLS');
  const request = Buffer.alloc(36);
  request.writeUIntLE(32, 0, 3);
  request[3] = packet[3]! + 1;
  request.writeUInt32LE(CLIENT_PROTOCOL_41 | CLIENT_SSL | CLIENT_SECURE_CONNECTION, 4);
  request.writeUInt32LE(16 * 1024 * 1024, 8);
  request[12] = UTF8;
  peer.send(request);
}

/** What leads from each protocol to TLS; afterwards the client's TLS begins. */
const START_TLS: Record<StartTls, (peer: Dialogue) => Promise<void>> = { smtp, imap, pop3, ldap, postgres, mysql };

export const isStartTls = (name: string): name is StartTls => Object.hasOwn(START_TLS, name);

export async function startTls(protocol: StartTls, peer: Dialogue): Promise<void> {
  await START_TLS[protocol](peer);
  peer.end();
}
