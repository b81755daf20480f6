import { JksKeystore, readJksEntries, writeJks } from './jks-keystore.ts';
import { isJavaKeystore, MAGIC } from './jks.ts';
import type { EncryptionProfile } from './password-writing.ts';
import { entriesOf, type BagEntry } from './pkcs12-entries.ts';
import { newPkcs12, Pkcs12Keystore, profileOfFile } from './pkcs12-keystore.ts';
import { openPkcs12, type Pkcs12 } from './pkcs12.ts';
import type { PrivateKey } from './private-key.ts';
import { bouncyCastleType } from './bks.ts';
import { asBuffer } from './der-reader.ts';
import { unsupportedAlgorithm, wrongPassword, X509Error } from './x509-error.ts';

/** An entry of a PKCS#12 keystore as Java and Windows see it: a key with its chain, or a trusted certificate. */
export interface KeystoreEntry {
  /** Empty for an entry without a friendlyName. */
  alias: string;
  key?: PrivateKey;
  /** Leaf first. */
  certificates: Uint8Array[];
}

export interface NewEntry {
  alias: string;
  /** Leaf first. */
  certificates: Uint8Array[];
  /** PKCS#8; none, or an empty one, makes a trusted certificate. */
  privateKey?: Uint8Array;
}

export type KeystoreType = 'pkcs12' | 'pkcs12-legacy' | 'jks';

const profileOfType = (type: KeystoreType | undefined): EncryptionProfile | undefined =>
  type === 'pkcs12' ? 'modern' : type === 'pkcs12-legacy' ? 'legacy' : undefined;

/** A new keystore, its keys under its password. */
export function createKeystore(keystore: { type: KeystoreType; password: string; entries: NewEntry[] }): Uint8Array {
  const { type, password, entries } = keystore;
  if (type === 'jks') return writeJks(entries, password);
  const made = new Pkcs12Keystore(newPkcs12(), password, profileOfType(type));
  for (const entry of entries) made.add(entry);
  return made.write();
}

/** Puts an entry into the place of the one with its alias (compared without case) or behind all, or takes one out. */
export type KeystoreEdit = { put: NewEntry } | { remove: string };

export interface KeystoreChange {
  /** Of the keystore. */
  password: string;
  /** Of the keys that are put into a JKS; absent: the keystore's. Keys in PKCS#12 have the keystore's, as keytool has it. */
  keyPassword?: string;
  edits: KeystoreEdit[];
  /** What the keystore's password, and that of the keys under it, becomes. */
  newPassword?: string;
  /** Of a new keystore, "pkcs12" if absent. Of an existing PKCS#12: how everything in it is encrypted; absent: as it was. */
  type?: KeystoreType;
}

/**
 * Changes a PKCS#12 or JKS keystore, or makes one of no content. Its type, encryption, MAC, iterations and order stay,
 * and every entry that no edit names stays byte for byte.
 * Throws WRONG_PASSWORD, and UNSUPPORTED_ALGORITHM for JCEKS and BouncyCastle's keystores, which are only read.
 */
export function editKeystore(content: Uint8Array, change: KeystoreChange): Uint8Array {
  const { password, edits, newPassword, type } = change;
  const keystore =
    content.length === 0 ? newKeystore(change) : isJks(content) ? JksKeystore.open(content, change) : undefined;
  if (keystore instanceof JksKeystore) {
    for (const edit of edits) keystore.edit(edit);
    return keystore.write();
  }
  const pkcs12 = keystore ?? Pkcs12Keystore.open(content, { password });
  const isOther = content.length > 0 && type !== undefined;
  if (newPassword !== undefined || isOther)
    pkcs12.protect({ password: newPassword, profile: isOther ? profileOfType(type) : undefined });
  for (const edit of edits) pkcs12.edit(edit);
  return pkcs12.write();
}

const newKeystore = ({ type, ...change }: KeystoreChange): JksKeystore | Pkcs12Keystore =>
  type === 'jks' ? new JksKeystore([], change) : new Pkcs12Keystore(newPkcs12(), change.password, profileOfType(type));

/** Whether it is a JKS. What is a keystore, but neither JKS nor PKCS#12, is refused by name. */
function isJks(content: Uint8Array): boolean {
  const other = isJavaKeystore(content)
    ? asBuffer(content).readUInt32BE() === MAGIC.jceks && 'JCEKS'
    : bouncyCastleType(content);
  if (other)
    throw unsupportedAlgorithm(
      'keystore',
      `the type ${other}, which is only read; convert it (keytool -importkeystore -deststoretype pkcs12); it`,
    );
  return isJavaKeystore(content);
}

/** The entry as a reader sees it. "locked": its key has a password of its own. */
export interface ListedEntry {
  alias: string;
  /** Leaf first; none of an entry that is no certificate. */
  certificates: Uint8Array[];
  key: 'none' | 'open' | 'locked';
}

export interface ListedKeystore {
  type: 'pkcs12' | 'jks';
  /** Of a PKCS#12 that is encrypted in one way. */
  profile?: EncryptionProfile;
  /** Which of the passwords opened it. */
  password: number;
  entries: ListedEntry[];
}

/**
 * The entries of a PKCS#12 or JKS keystore, with the first of the passwords that opens it. `keyPassword` is for keys in
 * JKS that have one of their own. Throws as `editKeystore`.
 */
export function listKeystore(content: Uint8Array, passwords: string[], keyPassword?: string): ListedKeystore {
  const isJava = isJks(content);
  for (const [position, password] of passwords.entries()) {
    try {
      if (isJava) return { type: 'jks', password: position, entries: readJksEntries(content, password, keyPassword) };
      const file = openPkcs12(content, { password, keepLocked: true });
      const entries = entriesOf(file).map(toListed);
      return { type: 'pkcs12', profile: profileOfFile(file), password: position, entries };
    } catch (error) {
      const isWrong = error instanceof X509Error && error.reason === 'WRONG_PASSWORD';
      if (!isWrong || position === passwords.length - 1) throw error;
    }
  }
  throw wrongPassword('keystore');
}

function toListed(entry: BagEntry): ListedEntry {
  const { alias } = entry;
  if (entry.kind === 'other') return { alias, certificates: [], key: 'none' };
  if (entry.kind === 'certificate') return { alias, certificates: [entry.leaf.der], key: 'none' };
  const certificates = entry.leaf ? [entry.leaf, ...entry.chain].map(({ der }) => der) : [];
  return { alias, certificates, key: entry.key.kind === 'locked' ? 'locked' : 'open' };
}

/** The certificates and keys of an opened PKCS#12 keystore. */
export function listKeystoreEntries(file: Pkcs12): KeystoreEntry[] {
  return entriesOf(file).flatMap((entry): KeystoreEntry[] => {
    if (entry.kind === 'other') return [];
    const { alias, certificates } = toListed(entry);
    const key = entry.kind === 'key' && entry.key.kind === 'key' ? { key: entry.key.key } : {};
    return [{ alias, ...key, certificates }];
  });
}
