import { createDecipheriv, createHmac, type CipherGCMTypes } from 'node:crypto';

/** What a server sent, byte for byte, and the secret of its handshake's traffic, of TLS 1.3 only (RFC 8446, section 7.1). */
export interface ServerFlight {
  bytes: Buffer;
  secret?: Buffer;
}

const CHANGE_CIPHER_SPEC = 20;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const SERVER_HELLO = 2;
const CERTIFICATE = 11;
const SUPPORTED_VERSIONS = 43;
const TLS_1_3 = 0x0304;

/**
 * The certificates of a server's Certificate message, in its order and with its repetitions; undefined when there is none
 * in these bytes. They are read here because node:tls only answers the chain that it builds from them itself.
 */
export function readServedCertificates({ bytes, secret }: ServerFlight): Buffer[] | undefined {
  let messages = Buffer.alloc(0);
  let suite: number | undefined;
  let records = 0;
  for (const record of readRecords(bytes)) {
    if (record.type === HANDSHAKE) messages = Buffer.concat([messages, record.body]);
    else if (record.type === APPLICATION_DATA && suite !== undefined && secret) {
      const { type, body } = decryptRecord(record, { suite, secret, sequence: records++ });
      if (type === HANDSHAKE) messages = Buffer.concat([messages, body]);
    } else if (record.type === CHANGE_CIPHER_SPEC && suite === undefined) return undefined;
    while (messages.length >= 4 && messages.length >= 4 + messages.readUIntBE(1, 3)) {
      const body = messages.subarray(4, 4 + messages.readUIntBE(1, 3));
      if (messages[0] === SERVER_HELLO) suite = tls13Suite(body);
      if (messages[0] === CERTIFICATE) return readCertificates(body, suite !== undefined);
      messages = messages.subarray(4 + body.length);
    }
  }
  return undefined;
}

interface TlsRecord {
  type: number;
  header: Buffer;
  body: Buffer;
}

/** The whole records at the beginning of what was received. */
function* readRecords(bytes: Buffer): Generator<TlsRecord> {
  for (let at = 0; at + 5 <= bytes.length;) {
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    if (end > bytes.length) return;
    yield { type: bytes[at]!, header: bytes.subarray(at, at + 5), body: bytes.subarray(at + 5, end) };
    at = end;
  }
}

/** The cipher suite of a ServerHello, or HelloRetryRequest, of TLS 1.3; of older versions undefined. */
function tls13Suite(hello: Buffer): number | undefined {
  const suiteAt = 35 + hello[34]!;
  for (let at = suiteAt + 5; at + 4 <= hello.length; at += 4 + hello.readUInt16BE(at + 2)) {
    if (hello.readUInt16BE(at) === SUPPORTED_VERSIONS && hello.readUInt16BE(at + 4) === TLS_1_3)
      return hello.readUInt16BE(suiteAt);
  }
  return undefined;
}

const SUITES: Record<number, { cipher: CipherGCMTypes | 'chacha20-poly1305'; keyBytes: number; hash: string }> = {
  0x1301: { cipher: 'aes-128-gcm', keyBytes: 16, hash: 'sha256' },
  0x1302: { cipher: 'aes-256-gcm', keyBytes: 32, hash: 'sha384' },
  0x1303: { cipher: 'chacha20-poly1305', keyBytes: 32, hash: 'sha256' },
};
const TAG_BYTES = 16;
const IV_BYTES = 12;

/** RFC 8446, section 5.2: the type is the last byte that is not zero. */
function decryptRecord(
  { header, body }: TlsRecord,
  { suite, secret, sequence }: { suite: number; secret: Buffer; sequence: number },
): { type: number; body: Buffer } {
  const known = SUITES[suite];
  if (!known) throw new Error(`the cipher suite 0x${suite.toString(16)} was not offered`);
  const key = expandLabel(known.hash, secret, { label: 'key', bytes: known.keyBytes });
  const nonce = expandLabel(known.hash, secret, { label: 'iv', bytes: IV_BYTES });
  nonce.writeUInt32BE((nonce.readUInt32BE(IV_BYTES - 4) ^ sequence) >>> 0, IV_BYTES - 4);
  // Of the two kinds of AEAD ciphers TypeScript wants one or the other.
  const decipher = createDecipheriv(known.cipher as CipherGCMTypes, key, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(header).setAuthTag(body.subarray(-TAG_BYTES));
  const plain = Buffer.concat([decipher.update(body.subarray(0, -TAG_BYTES)), decipher.final()]);
  let end = plain.length - 1;
  while (end > 0 && plain[end] === 0) end--;
  return { type: plain[end]!, body: plain.subarray(0, end) };
}

/** RFC 8446, section 7.1, HKDF-Expand-Label without a context; no more bytes than the hash has. */
function expandLabel(hash: string, secret: Buffer, { label, bytes }: { label: string; bytes: number }): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([0, bytes, name.length]), name, Buffer.from([0, 1])]);
  return createHmac(hash, secret).update(info).digest().subarray(0, bytes);
}

/** The certificates of a Certificate message: RFC 5246, section 7.4.2; RFC 8446, section 4.4.2, with extensions behind each. */
function readCertificates(body: Buffer, tls13: boolean): Buffer[] {
  const certificates: Buffer[] = [];
  let at = tls13 ? 1 + body[0]! + 3 : 3;
  while (at + 3 <= body.length) {
    const end = at + 3 + body.readUIntBE(at, 3);
    certificates.push(body.subarray(at + 3, end));
    at = tls13 ? end + 2 + body.readUInt16BE(end) : end;
  }
  return certificates;
}
