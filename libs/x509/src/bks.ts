import { Buffer } from 'node:buffer';
import { createDecipheriv, createHmac, timingSafeEqual } from 'node:crypto';
import { DerReader, TAG } from './der-reader.ts';
import { JavaReader } from './java-reader.ts';
import {
  behindNotice,
  MAX_KEYSTORE_ENTRIES,
  uncheckedNotice,
  unopenedKey,
  type JavaEntry,
  type JavaKeystore,
  type JavaPasswords,
} from './jks.ts';
import type { IterationBudget } from './password-encryption.ts';
import { plainSecret } from './password-secret.ts';
import { derivePkcs12Key } from './pkcs12-kdf.ts';
import { readPrivateKey, type PrivateKey } from './private-key.ts';
import {
  ifReadable,
  malformed,
  overLimit,
  truncated,
  unsupportedAlgorithm,
  wrongPassword,
  X509Error,
} from './x509-error.ts';

const WHAT = 'BouncyCastle keystore';
/** What begins an entry; 0 ends them. */
const [CERTIFICATE, KEY, SECRET, SEALED] = [1, 2, 3, 4];
const PRIVATE_KEY = 0;
const MAX_SALT_BYTES = 1_024;
const MAC_BYTES = 20;

/** Version, salt and iterations, which BKS and UBER have in common. */
interface Header {
  version: number;
  salt: Buffer;
  iterations: number;
}

/** Undefined for what does not begin as a BKS or UBER keystore: their first bytes are small numbers. */
function readHeader(reader: JavaReader): Header | undefined {
  return ifReadable(() => {
    const version = reader.int();
    const length = reader.int();
    if (version < 0 || version > 2 || length < 1 || length > MAX_SALT_BYTES) return undefined;
    const [salt, iterations] = [reader.take(length), reader.int()];
    return iterations < 1 ? undefined : { version, salt, iterations };
  });
}

/** What BouncyCastle wrote: a BKS, an UBER (encrypted as a whole) or a BCFKS (ASN.1); undefined for anything else. */
export function bouncyCastleType(bytes: Uint8Array): 'bks' | 'uber' | 'bcfks' | undefined {
  if (isBcfks(bytes)) return 'bcfks';
  const reader = new JavaReader(bytes, WHAT);
  const header = readHeader(reader);
  if (!header) return undefined;
  const start = reader.at;
  if (hasEntries(reader)) return 'bks';
  const encrypted = bytes.length - start;
  return header.version === 1 && encrypted > 0 && encrypted % 16 === 0 ? 'uber' : undefined;
}

/** Whether no entry, or a first one with a date, stands here: of what is encrypted one in millions looks so. */
function hasEntries(reader: JavaReader): boolean {
  return (
    ifReadable(() => {
      const kind = reader.byte();
      if (kind === 0) return true;
      if (kind > SEALED) return false;
      reader.text();
      const year = reader.time().getUTCFullYear();
      const links = reader.int();
      return year > 1969 && year < 10_000 && links >= 0 && links <= 1_000;
    }) ?? false
  );
}

/** ObjectStore: an EncryptedObjectStoreData, and an integrity check that is a SEQUENCE too. */
function isBcfks(bytes: Uint8Array): boolean {
  return (
    ifReadable(() => {
      const store = new DerReader(bytes, WHAT).enter(TAG.sequence);
      const encrypted = store.enter(TAG.sequence);
      const algorithm = encrypted.enter(TAG.sequence);
      if (algorithm.oid() !== '1.2.840.113549.1.5.13' || encrypted.peek() !== TAG.octetString) return false;
      return store.enter(TAG.sequence).peek() === TAG.sequence;
    }) ?? false
  );
}

/** An entry before its key is opened. */
type RawEntry = { alias: string; createdAt: Date; certificates: Uint8Array[] } & (
  { kind: 'trusted' } | { kind: 'key'; encoded: Buffer; sealed: boolean } | { kind: 'other'; message: string }
);

/**
 * Reads a BKS keystore of version 1 or 2, as `readJavaKeystore` does; UBER and BCFKS are refused by name.
 * Throws WRONG_PASSWORD, UNSUPPORTED_ALGORITHM, TRUNCATED, MALFORMED, LIMIT_EXCEEDED.
 */
export function readBksKeystore(bytes: Uint8Array, passwords: JavaPasswords, budget: IterationBudget): JavaKeystore {
  const type = bouncyCastleType(bytes);
  if (type === 'uber' || type === 'bcfks') throw unsupportedStore(type);
  const reader = new JavaReader(bytes, WHAT);
  const header = readHeader(reader);
  if (!header) throw malformed(WHAT);
  const start = reader.at;
  const raw = readEntries(reader);
  const mac = { content: bytes.subarray(start, reader.at), expected: reader.take(MAC_BYTES) };
  const isChecked = isWhole(header, { ...mac, password: passwords.password }, budget);
  const open = [isChecked ? passwords.password : undefined, passwords.keyPassword].filter((one) => one !== undefined);
  const entries = raw.map((entry) => openEntry(entry, open, budget));
  const notices = isChecked ? [] : [uncheckedNotice(WHAT)];
  if (bytes.length > reader.at) notices.push(behindNotice(WHAT, bytes.length - reader.at));
  return { type: 'bks', entries, notices };
}

function unsupportedStore(type: 'uber' | 'bcfks'): X509Error {
  const name = type.toUpperCase();
  const message = `This is a BouncyCastle keystore of type ${name}, which is not supported: convert it with keytool -importkeystore -srcstoretype ${name} -deststoretype PKCS12.`;
  return new X509Error({
    code: 'INVALID_ARGUMENT',
    reason: 'UNSUPPORTED_ALGORITHM',
    message,
    details: { algorithm: name },
  });
}

function readEntries(reader: JavaReader): RawEntry[] {
  const entries: RawEntry[] = [];
  for (let kind = reader.byte(); kind !== 0; kind = reader.byte()) {
    if (entries.length === MAX_KEYSTORE_ENTRIES)
      throw overLimit('keystore entries', MAX_KEYSTORE_ENTRIES, `The ${WHAT} has more entries`);
    const alias = reader.text();
    const createdAt = reader.time();
    const length = reader.int();
    if (length < 0 || length > 1_000)
      throw overLimit('chain certificates', 1_000, `A chain has ${length} certificates`);
    const certificates = Array.from({ length }, () => readCertificateOf(reader));
    const entry = { alias, createdAt, certificates };
    if (kind === CERTIFICATE)
      entries.push({ ...entry, kind: 'trusted', certificates: [...certificates, readCertificateOf(reader)] });
    else if (kind === KEY) entries.push({ ...entry, kind: 'key', sealed: false, encoded: takeKey(reader) });
    else if (kind === SEALED) entries.push({ ...entry, kind: 'key', sealed: true, encoded: reader.bytes() });
    else if (kind === SECRET) {
      reader.bytes();
      entries.push({ ...entry, kind: 'other', message: `The secret "${alias}" was passed over.` });
    } else throw malformed(`${WHAT}: entry of kind ${kind}`);
  }
  return entries;
}

function readCertificateOf(reader: JavaReader): Buffer {
  const type = reader.text();
  const bytes = reader.bytes();
  if (type !== 'X.509' && type !== 'X509') throw unsupportedAlgorithm(WHAT, `a certificate of type ${type}`);
  return bytes;
}

/** The octets of a key's kind, format, algorithm and encoding. */
function takeKey(reader: JavaReader): Buffer {
  const start = reader.at;
  reader.byte();
  reader.text();
  reader.text();
  reader.bytes();
  const length = reader.at - start;
  reader.at = start;
  return reader.take(length);
}

/** Whether the password is the keystore's; false for none. WRONG_PASSWORD for one that is not. */
function isWhole(
  { version, salt, iterations }: Header,
  { content, expected, password }: { content: Uint8Array; expected: Buffer; password: string | undefined },
  budget: IterationBudget,
): boolean {
  if (password === undefined || password === '') return false;
  budget.spend(iterations);
  // Up to version 1 its writers mean 160 bits and ask for 20.
  const length = version === 2 ? MAC_BYTES : 2;
  const secret = plainSecret(password).bmp;
  const key = derivePkcs12Key({ digest: 'sha1', secret, salt, iterations, purpose: 3, length });
  if (timingSafeEqual(createHmac('sha1', key).update(content).digest(), expected)) return true;
  throw wrongPassword(WHAT);
}

function openEntry(entry: RawEntry, passwords: string[], budget: IterationBudget): JavaEntry {
  if (entry.kind !== 'key') return entry;
  const { alias, createdAt, certificates, encoded, sealed } = entry;
  const other = (message: string): JavaEntry => ({ kind: 'other', alias, certificates, message });
  const opened = sealed ? unseal(encoded, passwords, budget) : encoded;
  if (!opened) return other(unopenedKey(alias, passwords.length > 0));
  const key = readKey(opened);
  return key
    ? { kind: 'key', alias, createdAt, certificates, key }
    : other(`The key "${alias}" was passed over: it is not a private one.`);
}

/** Salt, iterations, and a key under PKCS#12's 3DES. Undefined when none of the passwords opens it. */
function unseal(sealed: Buffer, passwords: string[], budget: IterationBudget): Buffer | undefined {
  const reader = new JavaReader(sealed, WHAT);
  const [salt, iterations] = [reader.bytes(), reader.int()];
  const data = sealed.subarray(reader.at);
  if (data.length === 0) throw truncated(WHAT, sealed.length);
  for (const password of passwords) {
    budget.spend(2 * iterations);
    const secret = plainSecret(password).bmp;
    const derive = (purpose: 1 | 2, length: number) =>
      derivePkcs12Key({ digest: 'sha1', secret, salt, iterations, purpose, length });
    const cipher = createDecipheriv('des-ede3-cbc', derive(1, 24), derive(2, 8));
    try {
      const plain = Buffer.concat([cipher.update(data), cipher.final()]);
      if (takeKey(new JavaReader(plain, WHAT)).length === plain.length) return plain;
    } catch {
      // Wrong padding, or what is no key: another password.
    }
  }
  return undefined;
}

function readKey(encoded: Buffer): PrivateKey | undefined {
  const reader = new JavaReader(encoded, WHAT);
  if (reader.byte() !== PRIVATE_KEY) return undefined;
  const format = reader.text();
  reader.text();
  if (format !== 'PKCS#8' && format !== 'PKCS8') throw unsupportedAlgorithm(WHAT, `a key in the format ${format}`);
  return readPrivateKey(reader.bytes(), 'pkcs8');
}
