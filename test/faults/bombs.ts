import { createCipheriv, generateKeyPairSync, pbkdf2Sync, randomBytes, sign } from 'node:crypto';
import { integer, octetString, oid, sequence, setOf, tlv, derNull } from '../../libs/x509/src/der-writer.ts';
import { writePem } from '../../libs/x509/src/pem.ts';

/** A container that costs its reader far more than its sender. */
export interface Bomb {
  name: string;
  content: () => Buffer;
  /** The limit that a refusal with LIMIT_EXCEEDED names. */
  limit?: string;
  /** Of the refusal; absent for what is read, without anybody waiting for it. */
  reason?:
    | 'LIMIT_EXCEEDED'
    | 'MALFORMED'
    | 'EMPTY'
    | 'NOTHING_TO_IMPORT'
    | 'UNKNOWN_FORMAT'
    | 'TRUNCATED'
    | 'UNSUPPORTED_ALGORITHM'
    | 'DOCTYPE_NOT_ALLOWED';
}

const MEBIBYTE = 1024 * 1024;
const DATA = '1.2.840.113549.1.7.1';
const SHA1 = sequence(oid('1.3.14.3.2.26'), derNull());
const bigInteger = (hex: string) => tlv(0x02, Buffer.from(hex, 'hex'));

/** A PFX whose MAC asks for as many iterations as the integer says. */
function pkcs12(iterations: Buffer): Buffer {
  const content = tlv(0xa0, octetString(sequence()));
  const mac = sequence(sequence(SHA1, octetString(Buffer.alloc(20))), octetString(Buffer.alloc(8)), iterations);
  return sequence(integer(3), sequence(oid(DATA), content), mac);
}

function pbes2(kdf: Buffer): Buffer {
  const cipher = sequence(oid('2.16.840.1.101.3.4.1.42'), octetString(Buffer.alloc(16)));
  return sequence(sequence(oid('1.2.840.113549.1.5.13'), sequence(kdf, cipher)), octetString(Buffer.alloc(32)));
}
const pbkdf2 = (iterations: number) =>
  pbes2(sequence(oid('1.2.840.113549.1.5.12'), sequence(octetString(Buffer.alloc(8)), integer(iterations))));
const scrypt = (n: number, r: number, p: number) =>
  pbes2(
    sequence(oid('1.3.6.1.4.1.11591.4.11'), sequence(octetString(Buffer.alloc(8)), integer(n), integer(r), integer(p))),
  );
/** A key that the password opens, after so many iterations. */
function encryptedKey(iterations: number): Buffer {
  const { privateKey } = generateKeyPairSync('ed25519');
  const salt = Buffer.alloc(8);
  const iv = Buffer.alloc(16);
  const cipher = createCipheriv('aes-256-cbc', pbkdf2Sync('secret', salt, iterations, 32, 'sha1'), iv);
  const encrypted = Buffer.concat([cipher.update(privateKey.export({ format: 'der', type: 'pkcs8' })), cipher.final()]);
  const kdf = sequence(oid('1.2.840.113549.1.5.12'), sequence(octetString(salt), integer(iterations)));
  const scheme = sequence(kdf, sequence(oid('2.16.840.1.101.3.4.1.42'), octetString(iv)));
  return sequence(sequence(oid('1.2.840.113549.1.5.13'), scheme), octetString(encrypted));
}
const encryptedPem = (der: Buffer) => writePem('ENCRYPTED PRIVATE KEY', der);

function nested(depth: number): Buffer {
  let der: Buffer = Buffer.alloc(0);
  for (let i = 0; i < depth; i++) der = sequence(der);
  return der;
}

function jks(rest: Buffer): Buffer {
  return Buffer.concat([Buffer.from('feedfeed00000002', 'hex'), rest, Buffer.alloc(20)]);
}

const name = (text: string) => sequence(setOf(sequence(oid('2.5.4.3'), tlv(0x0c, Buffer.from(text)))));
const TIMES = sequence(tlv(0x17, Buffer.from('250101000000Z')), tlv(0x17, Buffer.from('350101000000Z')));
const RSA_SHA256 = sequence(oid('1.2.840.113549.1.1.11'), derNull());

/** A certificate by hand, so that its key can be one that nobody makes. */
function certificate(of: {
  subject: string;
  issuer: string;
  spki: Buffer;
  signature: Buffer | ((tbs: Buffer) => Buffer);
  serial: number;
}): Buffer {
  const tbs = sequence(
    tlv(0xa0, integer(2)),
    integer(of.serial),
    RSA_SHA256,
    name(of.issuer),
    TIMES,
    name(of.subject),
    of.spki,
  );
  const signature = typeof of.signature === 'function' ? of.signature(tbs) : of.signature;
  return sequence(tbs, RSA_SHA256, tlv(0x03, Buffer.concat([Buffer.of(0), signature])));
}

function oddNumber(bits: number): Buffer {
  const bytes = randomBytes(bits / 8);
  bytes[0]! |= 0x80;
  bytes[bytes.length - 1]! |= 1;
  return bytes;
}

const rsaSpki = (modulus: Buffer, exponent: Buffer) =>
  sequence(
    sequence(oid('1.2.840.113549.1.1.1'), derNull()),
    tlv(0x03, Buffer.concat([Buffer.of(0), sequence(tlv(0x02, Buffer.concat([Buffer.of(0), modulus])), exponent)])),
  );

/** As many certificates as fit into `bytes`, all issued by one name, whose key costs most to check a signature with. */
function slowSignatures(bits: number, exponentBytes: number, bytes: number): Buffer {
  const modulus = oddNumber(bits);
  const exponent = randomBytes(exponentBytes);
  exponent[0] = (exponent[0]! & 0x7f) | 0x40;
  exponent[exponent.length - 1]! |= 1;
  const spki = rsaSpki(modulus, tlv(0x02, exponent));
  const signature = randomBytes(bits / 8);
  signature[0] = 0;
  const ca = writePem('CERTIFICATE', certificate({ subject: 'CA', issuer: 'CA', spki, signature, serial: 1 }));
  const parts = [ca];
  const small = rsaSpki(modulus.subarray(0, 8), integer(65537));
  for (let length = ca.length, serial = 2; ; serial++) {
    const pem = writePem(
      'CERTIFICATE',
      certificate({ subject: `${serial}`, issuer: 'CA', spki: small, signature, serial }),
    );
    length += pem.length;
    if (length > bytes) return Buffer.from(parts.join(''));
    parts.push(pem);
  }
}

interface SameNames {
  /** Of each of the two names. */
  count: number;
  /** Whether no two have a key in common. */
  ownKeys?: boolean;
  /** Whether the signatures are right, and the key is there. */
  signed?: boolean;
}

/** Certificates of two names that all claim to have issued each other. */
function sameNames({ count, ownKeys = false, signed = false }: SameNames): Buffer {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const shared = publicKey.export({ format: 'der', type: 'spki' });
  const wrong = sign('sha256', Buffer.from('another'), privateKey);
  const signature = signed ? (tbs: Buffer) => sign('sha256', tbs, privateKey) : wrong;
  const parts = Array.from({ length: 2 * count }, (_, serial) => {
    const [subject, issuer] = serial < count ? (['A', 'B'] as const) : (['B', 'A'] as const);
    const spki = ownKeys ? rsaSpki(oddNumber(2048), integer(65537)) : shared;
    return writePem('CERTIFICATE', certificate({ subject, issuer, spki, signature, serial }));
  });
  if (signed) parts.push(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString());
  return Buffer.from(parts.join(''));
}

/** Everything that the limits of a container are for. */
export const CONTAINER_BOMBS: Bomb[] = [
  {
    name: '2^31 MAC iterations',
    content: () => pkcs12(integer(2 ** 31)),
    reason: 'LIMIT_EXCEEDED',
    limit: 'key derivation iterations',
  },
  {
    name: '5,000,001 MAC iterations',
    content: () => pkcs12(integer(5_000_001)),
    reason: 'LIMIT_EXCEEDED',
    limit: 'key derivation iterations',
  },
  { name: 'MAC iterations of 16 bytes', content: () => pkcs12(bigInteger('7f'.repeat(16))), reason: 'MALFORMED' },
  {
    name: '2^31 PBKDF2 iterations',
    content: () => pbkdf2(2 ** 31),
    reason: 'LIMIT_EXCEEDED',
    limit: 'key derivation iterations',
  },
  {
    name: 'iterations that pass the limit together',
    content: () =>
      Buffer.from([1_000_000, 4_000_001].map((iterations) => encryptedPem(encryptedKey(iterations))).join('')),
    reason: 'LIMIT_EXCEEDED',
    limit: 'key derivation iterations',
  },
  { name: 'scrypt of 16 GiB', content: () => scrypt(2 ** 24, 8, 1), reason: 'LIMIT_EXCEEDED', limit: 'scrypt bytes' },
  {
    name: 'scrypt with 2^20 lanes',
    content: () => scrypt(2, 8, 2 ** 20),
    reason: 'LIMIT_EXCEEDED',
    limit: 'scrypt bytes',
  },
  { name: 'DER 65 deep', content: () => sequence(integer(3), nested(64)), reason: 'UNKNOWN_FORMAT' },
  {
    name: '10 MiB of indefinite lengths inside each other',
    content: () => Buffer.alloc(10 * MEBIBYTE - 1_024, '3080', 'hex'),
    reason: 'LIMIT_EXCEEDED',
    limit: 'DER depth',
  },
  {
    name: '5,000,000 values in a PKCS#7',
    content: () =>
      sequence(
        oid('1.2.840.113549.1.7.2'),
        tlv(
          0xa0,
          sequence(integer(1), setOf(), sequence(oid(DATA)), tlv(0xa0, Buffer.alloc(9 * MEBIBYTE, '0500', 'hex'))),
        ),
      ),
    reason: 'LIMIT_EXCEEDED',
    limit: 'DER values',
  },
  {
    name: '10 MiB of BEGIN lines',
    content: () => Buffer.alloc(10 * MEBIBYTE - 1_024, '-----BEGIN CERTIFICATE-----\n'),
    reason: 'LIMIT_EXCEEDED',
    limit: 'PEM blocks',
  },
  {
    name: '10 MiB of dashes',
    content: () => Buffer.concat([Buffer.from('-----BEGIN '), Buffer.alloc(10 * MEBIBYTE - 1_024, '-')]),
    reason: 'MALFORMED',
  },
  {
    name: '10 MiB in one PEM block',
    content: () =>
      Buffer.from(`-----BEGIN CERTIFICATE-----\n${'A'.repeat(10 * MEBIBYTE - 1_024)}\n-----END CERTIFICATE-----`),
    reason: 'MALFORMED',
  },
  {
    name: '10 MiB of base64 of base64',
    content: () => Buffer.from(Buffer.from(Buffer.alloc(5 * MEBIBYTE, 'A').toString('base64')).toString('base64')),
    reason: 'UNKNOWN_FORMAT',
  },
  {
    name: 'a JKS of 2^31 - 1 entries',
    content: () => jks(Buffer.from('7fffffff', 'hex')),
    reason: 'LIMIT_EXCEEDED',
    limit: 'keystore entries',
  },
  { name: 'signatures under an RSA key of 16,384 bits', content: () => slowSignatures(16_384, 8, 60_000) },
  {
    name: 'signatures under an RSA key with an exponent of 3,071 bits',
    content: () => slowSignatures(3_072, 384, 60_000),
  },
  { name: 'the same, in a megabyte', content: () => slowSignatures(3_072, 384, MEBIBYTE) },
  { name: '2,000 certificates that may all be issuers of each other', content: () => sameNames({ count: 1_000 }) },
  { name: 'the same, each with a key of its own', content: () => sameNames({ count: 1_000, ownKeys: true }) },
  { name: 'the same, with right signatures and their key', content: () => sameNames({ count: 1_000, signed: true }) },
];
