import { precondition } from '@certferry/core';
import { publicKeyBitsOf, readPem, readPrivateKey } from '@certferry/x509';
import type { DriverContext } from '../driver-context.ts';
import {
  isAnother,
  type AddChange,
  type Change,
  type OpenStore,
  type PreparedChange,
  type StoreChange,
  type StoreEntry,
} from '../store-driver.ts';
import { digestOf, FileSet, type FileContents } from './file-set.ts';

/** How a certificate stands in files: which content each role gets, and what is read back of them. */
export interface FileLayout {
  /** The content of every role that the store has; `old` is what is there. */
  encode(change: AddChange, old: FileContents): FileContents;
  /** Undefined when there is no certificate. Throws when there is something that cannot be read. */
  decode(contents: FileContents): Promise<StoreEntry | undefined>;
  /** Whether there is a private key in them, of this certificate or of another. */
  holdsKey(contents: FileContents): boolean;
}

/** One certificate, with its chain and its key, in files that change as one. */
export class CertificateFiles implements OpenStore {
  readonly #paths: Record<string, string>;
  readonly #files: FileSet;
  readonly #layout: FileLayout;

  /** `paths`: role -> real path. */
  constructor(paths: Record<string, string>, layout: FileLayout, context: DriverContext) {
    this.#paths = paths;
    this.#files = new FileSet(paths, context);
    this.#layout = layout;
  }

  async revision(): Promise<string> {
    return digestOf(await this.#files.read());
  }

  cleanUp = () => this.#files.cleanUp();
  tryWriting = () => this.#files.tryWriting();
  close = () => Promise.resolve();

  async entries(): Promise<StoreEntry[]> {
    const entry = await this.#layout.decode(await this.#files.read());
    return entry ? [entry] : [];
  }

  async prepare(change: StoreChange): Promise<PreparedChange> {
    const old = await this.#files.read();
    const isEmpty = Object.values(old).every((content) => content === undefined);
    const entry = await this.#layout.decode(old).catch(() => undefined);
    const held = entry?.facts.fingerprintSha256 ?? '';
    if (change.action === 'remove' && !isEmpty && isAnother(change, entry)) {
      throw precondition('ANOTHER_CERTIFICATE', 'The files hold another certificate than the one to remove.', { held });
    }
    if (change.action === 'add' && !isEmpty && held !== change.fingerprintSha256 && !change.overwrite) {
      throw precondition('ALIAS_EXISTS', 'The files hold another certificate; allow overwrite to replace it.', {
        held,
      });
    }
    const next =
      change.action === 'add'
        ? this.#layout.encode(change, old)
        : Object.fromEntries(Object.keys(old).map((role) => [role, undefined]));
    const removesKey = change.action === 'add' && this.#layout.holdsKey(old) && !this.#layout.holdsKey(next);
    const changes = this.#compare(old, next, { held, wanted: change.action === 'add' ? change.fingerprintSha256 : '' });
    const oldRevision = digestOf(old);
    const write = () => (changes.length === 0 ? Promise.resolve() : this.#files.write(next, oldRevision));
    return { changes, oldRevision, newRevision: digestOf(next), held: entry, removesKey, write };
  }

  #compare(old: FileContents, next: FileContents, fingerprints: { held: string; wanted: string }): Change[] {
    const changes: Change[] = [];
    for (const [role, what] of Object.entries(this.#paths)) {
      const [before, after] = [old[role], next[role]];
      if (before === after || (before && after && before.equals(after))) continue;
      const operation = !before ? 'create' : after ? 'replace' : 'delete';
      changes.push({
        operation,
        what,
        oldFingerprintSha256: before ? fingerprints.held : '',
        newFingerprintSha256: after ? fingerprints.wanted : '',
      });
    }
    return changes;
  }
}

/** PKCS#8 DER of the key to write: the change's, else the one in `old` (PEM or DER) if it is the certificate's. */
export function keyFor(change: AddChange, old: Buffer | undefined): Buffer | undefined {
  if (change.privateKey) return change.privateKey;
  const key = old && (readPem(old).find((one) => one.label === 'PRIVATE KEY')?.bytes ?? old);
  try {
    return key && readPrivateKey(key, 'pkcs8').publicKeyBitsSha256 === publicKeyBitsOf(change.certificate)
      ? Buffer.from(key)
      : undefined;
  } catch {
    return undefined;
  }
}

/** The key of a store that has a place for nothing but a key. */
export function requireKey(change: AddChange, old: Buffer | undefined): Buffer {
  const key = keyFor(change, old);
  if (key) return key;
  throw precondition(
    'NO_PRIVATE_KEY',
    'The store has a keyPath, but the certificate comes without its private key and the key there is not its key.',
  );
}

export function unreadable(contents: FileContents, why: string): Error {
  const roles = Object.keys(contents).join(', ');
  return precondition('STORE_UNREADABLE', `The files of the store (${roles}) cannot be read as a certificate: ${why}.`);
}
