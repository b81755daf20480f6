import { Buffer } from 'node:buffer';
import { createDecipheriv, createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { asBuffer, DerReader, TAG } from './der-reader.ts';
import { derNull, octetString, oid, sequence } from './der-writer.ts';
import { skipJavaObject } from './java-object.ts';
import { JavaReader } from './java-reader.ts';
import type { IterationBudget } from './password-encryption.ts';
import { unsupportedOid } from './password-algorithms.ts';
import type { Password } from './password-secret.ts';
import { readPrivateKey, shapeOfKey, type PrivateKey } from './private-key.ts';
import { repeatDigest } from './repeat-digest.ts';
import { malformed, overLimit, truncated, unsupportedAlgorithm, wrongPassword, X509Error } from './x509-error.ts';

export const MAGIC = { jks: 0xfeedfeed, jceks: 0xcececece } as const;
const WHAT = 'Java keystore';
const SALT = 'Mighty Aphrodite';
/** Sun's own protection of keys in JKS. */
const KEY_PROTECTOR = '1.3.6.1.4.1.42.2.17.1.1';
/** PBEWithMD5AndTripleDES, as JCEKS protects keys. */
const JCEKS_PROTECTOR = '1.3.6.1.4.1.42.2.19.1';
export const MAX_KEYSTORE_ENTRIES = 20_000;

export type JavaEntry =
  | { kind: 'key'; alias: string; createdAt: Date; key: PrivateKey; certificates: Uint8Array[] }
  | { kind: 'trusted'; alias: string; createdAt: Date; certificates: Uint8Array[] }
  /** Something that holds no certificate: a secret key, or a key whose password is another than the keystore's. */
  | { kind: 'other'; alias: string; message: string; certificates: Uint8Array[] };

export interface JavaKeystore {
  type: 'jks' | 'jceks' | 'bks';
  entries: JavaEntry[];
  /** What was not checked, and what stands behind the end. */
  notices: string[];
}

export function isJavaKeystore(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  const magic = asBuffer(bytes).readUInt32BE();
  return magic === MAGIC.jks || magic === MAGIC.jceks;
}

export interface JavaPasswords {
  /** Of the keystore: its integrity is checked by it. */
  password?: Password;
  /** For keys that the keystore's password does not open. */
  keyPassword?: Password;
}

/** An entry before its key is opened. */
export type RawEntry =
  | { kind: 'key'; alias: string; createdAt: Date; protectedKey: Buffer; certificates: Uint8Array[] }
  | Exclude<JavaEntry, { kind: 'key' }>;

/**
 * Reads a JKS or JCEKS keystore: its integrity, key and trusted entries. A key that no password opens is an entry of
 * kind "other" with its chain; without a password (or with an empty one that is not the keystore's) nothing is checked
 * and no key is read, as keytool lists it.
 * Throws WRONG_PASSWORD, UNSUPPORTED_ALGORITHM, TRUNCATED, MALFORMED, LIMIT_EXCEEDED.
 */
export function readJavaKeystore(bytes: Uint8Array, passwords: JavaPasswords, budget: IterationBudget): JavaKeystore {
  const file = asBuffer(bytes);
  const type = file.readUInt32BE() === MAGIC.jks ? 'jks' : 'jceks';
  const { entries: raw, end } = readEntries(file);
  if (file.length < end + 20) throw truncated(WHAT, file.length);
  const isChecked = isWhole(file, end, passwords.password);
  const candidates = [isChecked ? passwords.password : undefined, passwords.keyPassword];
  const open = candidates.filter((one) => one !== undefined);
  const entries = raw.map((entry) => (entry.kind === 'key' ? openKeyEntry(entry, open, budget) : entry));
  const notices = isChecked ? [] : [uncheckedNotice(WHAT)];
  if (file.length > end + 20) notices.push(behindNotice(WHAT, file.length - end - 20));
  return { type, entries, notices };
}

export const uncheckedNotice = (what: string): string =>
  `The integrity of the ${what} was not checked, since it was opened without its password.`;
export const behindNotice = (what: string, bytes: number): string =>
  `${bytes} ${bytes === 1 ? 'byte' : 'bytes'} behind the end of the ${what}: passed over.`;

/** Every entry with its bytes, and where they end: there a digest of 20 bytes begins. */
export function readEntries(file: Buffer): { version: number; entries: RawEntry[]; raws: Buffer[]; end: number } {
  const reader = new JavaReader(file, WHAT);
  reader.int();
  const version = reader.int();
  if (version !== 1 && version !== 2) throw unsupportedAlgorithm(WHAT, `version ${version}`);
  const count = reader.int();
  if (count < 0 || count > MAX_KEYSTORE_ENTRIES)
    throw overLimit('keystore entries', MAX_KEYSTORE_ENTRIES, `The ${WHAT} has ${count} entries`);
  const entries: RawEntry[] = [];
  const raws: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const start = reader.at;
    const tag = reader.int();
    const alias = reader.text();
    const createdAt = reader.time();
    if (tag === 1) entries.push(readKeyEntry(reader, { alias, createdAt, version }));
    else if (tag === 2)
      entries.push({ kind: 'trusted', alias, createdAt, certificates: [readCertificateOf(reader, version)] });
    else if (tag === 3) {
      const left = skipSecretKey(reader) ? 0 : count - i - 1;
      const lost = left > 0 ? `, and the ${left} entries after it, which cannot be found` : '';
      const message = `The secret key "${alias}" was passed over${lost}.`;
      entries.push({ kind: 'other', alias, message, certificates: [] });
      if (left > 0) return { version, entries, raws, end: Math.max(reader.at, file.length - 20) };
    } else throw malformed(`${WHAT}: entry of kind ${tag}`);
    raws.push(file.subarray(start, reader.at));
  }
  return { version, entries, raws, end: reader.at };
}

/** A sealed Java object has no length: false when what it is made of is not known, so that its end is not either. */
function skipSecretKey(reader: JavaReader): boolean {
  try {
    skipJavaObject(reader);
    return true;
  } catch (error) {
    if (error instanceof X509Error) return false;
    throw error;
  }
}

/** The digest at the end of a keystore. */
export const integrityOf = (content: Uint8Array, password: string): Buffer =>
  createHash('sha1').update(utf16(password)).update(SALT).update(content).digest();

const utf16 = (password: string): Buffer => Buffer.from(password, 'utf16le').swap16();

/** Whether the password is the keystore's; false for none. WRONG_PASSWORD for one that is not. */
export function isWhole(file: Buffer, end: number, password: Password): boolean {
  if (password === undefined) return false;
  const actual = integrityOf(file.subarray(0, end), password);
  if (timingSafeEqual(actual, file.subarray(end, end + 20))) return true;
  if (password === '') return false;
  throw wrongPassword(WHAT);
}

function readCertificateOf(reader: JavaReader, version: number): Buffer {
  const type = version === 2 ? reader.text() : 'X.509';
  const bytes = reader.bytes();
  if (type !== 'X.509') throw unsupportedAlgorithm(WHAT, `a certificate of type ${type}`);
  return bytes;
}

function readKeyEntry(
  reader: JavaReader,
  { alias, createdAt, version }: { alias: string; createdAt: Date; version: number },
): RawEntry {
  const protectedKey = reader.bytes();
  const length = reader.int();
  if (length < 0 || length > 1_000) throw overLimit('chain certificates', 1_000, `A chain has ${length} certificates`);
  const certificates = Array.from({ length }, () => readCertificateOf(reader, version));
  return { kind: 'key', alias, createdAt, protectedKey, certificates };
}

function openKeyEntry(
  { protectedKey, ...entry }: Extract<RawEntry, { kind: 'key' }>,
  passwords: string[],
  budget: IterationBudget,
): JavaEntry {
  const { alias, certificates } = entry;
  let pkcs8: Buffer | undefined;
  for (const password of passwords) pkcs8 ??= unprotect(protectedKey, password, budget);
  if (pkcs8) return { ...entry, key: readPrivateKey(pkcs8, 'pkcs8') };
  const message = unopenedKey(alias, passwords.length > 0);
  return { kind: 'other', alias, message, certificates };
}

/** What is said of a key that stays closed. */
export const unopenedKey = (alias: string, hasPassword: boolean): string =>
  hasPassword
    ? `The key "${alias}" has a password of its own, send it as key password; only its certificates were read.`
    : `The key "${alias}" was left out, since no password was given; only its certificates were read.`;

/** PKCS#8, or undefined when the password is not the key's. */
export function unprotect(der: Uint8Array, password: string, budget: IterationBudget): Buffer | undefined {
  const info = new DerReader(der, 'protected key').enter(TAG.sequence);
  const algorithm = info.enter(TAG.sequence);
  const scheme = algorithm.oid();
  const data = info.octets();
  if (scheme === KEY_PROTECTOR) return unprotectJks(Buffer.from(data), password);
  if (scheme !== JCEKS_PROTECTOR) throw unsupportedOid('protected key', 'encryption', scheme);
  const parameters = algorithm.enter(TAG.sequence);
  const salt = parameters.octets();
  const iterations = parameters.integer();
  budget.spend(2 * iterations);
  const { key, iv } = jceksKey(password, Buffer.from(salt), iterations);
  try {
    const state = createDecipheriv('des-ede3-cbc', key, iv);
    const plain = Buffer.concat([state.update(data), state.final()]);
    // One wrong password in 256 leaves padding that looks right.
    return shapeOfKey(plain) ? plain : undefined;
  } catch {
    return undefined;
  }
}

/** SHA-1 as a key stream, and a check of what comes out. */
function unprotectJks(data: Buffer, password: string): Buffer | undefined {
  if (data.length < 40) throw malformed('protected key');
  const [salt, encrypted, check] = [data.subarray(0, 20), data.subarray(20, -20), data.subarray(-20)];
  const plain = streamJks(encrypted, salt, password);
  const actual = createHash('sha1').update(utf16(password)).update(plain).digest();
  return timingSafeEqual(actual, check) ? plain : undefined;
}

function streamJks(data: Buffer, salt: Buffer, password: string): Buffer {
  const secret = utf16(password);
  const out = Buffer.allocUnsafe(data.length);
  let block = salt;
  for (let at = 0; at < data.length; at += 20) {
    block = createHash('sha1').update(secret).update(block).digest();
    for (let i = 0; i < 20 && at + i < data.length; i++) out[at + i] = data[at + i]! ^ block[i]!;
  }
  return out;
}

/** Sun's PBEWithMD5AndTripleDES: MD5 over each half of the salt; equal halves are made unequal first. */
function jceksKey(password: string, salt: Buffer, iterations: number): { key: Buffer; iv: Buffer } {
  if (salt.length !== 8) throw malformed('protected key salt');
  const halves = [Buffer.from(salt.subarray(0, 4)), Buffer.from(salt.subarray(4))] as const;
  // Java means to invert the half and shifts it instead; every reader has to do the same.
  if (halves[0].equals(halves[1])) halves[0].set([halves[0][3]!, halves[0][0]!, halves[0][1]!, halves[0][3]!]);
  const secret = Buffer.from(password, 'latin1');
  const all = Buffer.concat(halves.map((input) => repeatDigest('md5', { input, times: iterations, suffix: secret })));
  return { key: all.subarray(0, 24), iv: all.subarray(24, 32) };
}

/** Sun's own protection of a key: what `unprotect` opens. */
export function protectJks(pkcs8: Buffer, password: string): Buffer {
  const salt = randomBytes(20);
  const check = createHash('sha1').update(utf16(password)).update(pkcs8).digest();
  const data = Buffer.concat([salt, streamJks(pkcs8, salt, password), check]);
  return sequence(sequence(oid(KEY_PROTECTOR), derNull()), octetString(data));
}
