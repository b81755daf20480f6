import { Buffer } from 'node:buffer';
import { asBuffer } from './der-reader.ts';
import { integrityOf, isWhole, MAGIC, protectJks, readEntries, unprotect, type RawEntry } from './jks.ts';
import type { KeystoreEdit, ListedEntry, NewEntry } from './keystore.ts';
import { IterationBudget } from './password-encryption.ts';
import { malformed, truncated, wrongPassword } from './x509-error.ts';

const WHAT = 'Java keystore';

/** An entry and its bytes in the file. */
interface HeldEntry {
  entry: RawEntry;
  raw: Buffer;
}

export interface JksPasswords {
  /** Of the keystore, and of the keys that are put into it where there is no other. */
  password: string;
  keyPassword?: string;
  newPassword?: string;
}

/** A JKS keystore while it is changed: entries that no edit names stay byte for byte, with the order of all. */
export class JksKeystore {
  readonly #entries: HeldEntry[];
  readonly #version: number;
  readonly #passwords: JksPasswords;

  constructor(entries: HeldEntry[], passwords: JksPasswords, version = 2) {
    this.#entries = entries;
    this.#version = version;
    this.#passwords = passwords;
    const { password, newPassword } = passwords;
    if (newPassword !== undefined) for (const held of entries) protectAgain(held, password, newPassword);
  }

  /** WRONG_PASSWORD unless the password is the keystore's. Keys are left as they are, whatever their password. */
  static open(content: Uint8Array, passwords: JksPasswords): JksKeystore {
    const { version, held } = readHeld(content, passwords.password);
    return new JksKeystore(held, passwords, version);
  }

  edit(edit: KeystoreEdit): void {
    const alias = ('put' in edit ? edit.put.alias : edit.remove).toLowerCase();
    const at = this.#entries.findIndex(({ entry }) => entry.alias.toLowerCase() === alias);
    if ('remove' in edit) {
      if (at >= 0) this.#entries.splice(at, 1);
      return;
    }
    const held = this.#make({ ...edit.put, alias: this.#entries[at]?.entry.alias ?? alias });
    if (at >= 0) this.#entries[at] = held;
    else this.#entries.push(held);
  }

  /** Behind all others, whatever they are called. */
  add(entry: NewEntry): void {
    this.#entries.push(this.#make({ ...entry, alias: entry.alias.toLowerCase() }));
  }

  #make({ alias, certificates, privateKey }: NewEntry): HeldEntry {
    if (certificates.length === 0) throw malformed('keystore entry without a certificate');
    const createdAt = new Date();
    const { password, keyPassword, newPassword } = this.#passwords;
    if (!privateKey?.length) {
      const entry: RawEntry = { kind: 'trusted', alias, createdAt, certificates: certificates.slice(0, 1) };
      return { entry, raw: writeEntry(entry, this.#version) };
    }
    const protectedKey = protectJks(Buffer.from(privateKey), keyPassword ?? newPassword ?? password);
    const entry: RawEntry = { kind: 'key', alias, createdAt, protectedKey, certificates };
    return { entry, raw: writeEntry(entry, this.#version) };
  }

  write(): Buffer {
    const { password, newPassword = password } = this.#passwords;
    const raws = this.#entries.map(({ raw }) => raw);
    const content = Buffer.concat([int(MAGIC.jks), int(this.#version), int(raws.length), ...raws]);
    return Buffer.concat([content, integrityOf(content, newPassword)]);
  }
}

function readHeld(content: Uint8Array, password: string): { version: number; held: HeldEntry[] } {
  const file = asBuffer(content);
  const { version, entries, raws, end } = readEntries(file);
  if (raws.length !== entries.length) throw malformed(`${WHAT}: an entry that has no end`);
  if (file.length < end + 20) throw truncated(WHAT, file.length);
  if (!isWhole(file, end, password)) throw wrongPassword(WHAT);
  return { version, held: entries.map((entry, i) => ({ entry, raw: raws[i]! })) };
}

/** A key that the keystore's password opens gets the new one; all else of its entry stays. */
function protectAgain(held: HeldEntry, password: string, newPassword: string): void {
  const { entry, raw } = held;
  if (entry.kind !== 'key') return;
  const pkcs8 = unprotect(entry.protectedKey, password, new IterationBudget());
  if (!pkcs8) return;
  const protectedKey = protectJks(pkcs8, newPassword);
  const at = raw.indexOf(entry.protectedKey);
  held.raw = Buffer.concat([
    raw.subarray(0, at - 4),
    block(protectedKey),
    raw.subarray(at + entry.protectedKey.length),
  ]);
  held.entry = { ...entry, protectedKey };
}

/** The entries of a JKS as a reader sees them, their keys opened by one of the passwords. */
export function readJksEntries(content: Uint8Array, password: string, keyPassword?: string): ListedEntry[] {
  const budget = new IterationBudget();
  const passwords = [password, ...(keyPassword === undefined ? [] : [keyPassword])];
  return readHeld(content, password).held.map(({ entry }) => {
    const { alias, certificates } = entry;
    if (entry.kind !== 'key') return { alias, certificates, key: 'none' };
    const isOpen = passwords.some((one) => unprotect(entry.protectedKey, one, budget));
    return { alias, certificates, key: isOpen ? 'open' : 'locked' };
  });
}

/** A JKS keystore; keys under the keystore's password. */
export function writeJks(entries: NewEntry[], password: string): Buffer {
  const keystore = new JksKeystore([], { password });
  for (const put of entries) keystore.add(put);
  return keystore.write();
}

function writeEntry(entry: Extract<RawEntry, { createdAt: Date }>, version: number): Buffer {
  const { kind, alias, createdAt, certificates } = entry;
  const time = Buffer.alloc(8);
  time.writeBigInt64BE(BigInt(createdAt.getTime()));
  const key = kind === 'key' ? [block(entry.protectedKey), int(certificates.length)] : [];
  const type = version === 2 ? [text('X.509')] : [];
  const written = certificates.flatMap((certificate) => [...type, block(certificate)]);
  return Buffer.concat([int(kind === 'key' ? 1 : 2), text(alias), time, ...key, ...written]);
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const block = (bytes: Uint8Array): Buffer => Buffer.concat([int(bytes.length), bytes]);

function text(value: string): Buffer {
  const bytes = toModifiedUtf8(value);
  const length = Buffer.alloc(2);
  length.writeUInt16BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function toModifiedUtf8(text: string): Buffer {
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i));
  return Buffer.from(
    units.flatMap((unit) => {
      if (unit > 0 && unit < 0x80) return [unit];
      const low = 0x80 | (unit & 0x3f);
      if (unit < 0x800) return [0xc0 | (unit >> 6), low];
      return [0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), low];
    }),
  );
}
