import { precondition } from '@certferry/core';
import { publicKeyBitsOf, readPem, readPrivateKey, shapeOfKey } from '@certferry/x509';
import type { DriverContext } from '../driver-context.ts';
import {
  isAnother,
  type AddChange,
  type Change,
  type OpenStore,
  type PreparedChange,
  type RemoveChange,
  type StoreChange,
  type StoreEntry,
  type RestoreOptions,
  type StoreNote,
} from '../store-driver.ts';
import { digestOf, FileSet, type FileContents, type FileSetOptions } from './file-set.ts';
import { packFiles, unpackFiles } from './files-snapshot.ts';

/** How certificates stand in files: which content each role gets, and what is read back of them. */
export interface FileLayout {
  /** The content of every role that the store has; `old` is what is there, an empty file as none. */
  encode(change: AddChange, old: FileContents): FileContents;
  /** The same without an entry; absent: without the files. */
  remove?(change: RemoveChange, old: FileContents): FileContents;
  /** Empty when there is no certificate. Throws when there is something that cannot be read. */
  decode(contents: FileContents): Promise<StoreEntry[]>;
  /** Whether there is a private key in them, of this certificate or of another. */
  holdsKey(contents: FileContents): boolean;
  /** What a person should know of an addition. */
  notes?(change: AddChange): StoreNote[];
}

/** Certificates, with their chains and keys, in files that change as one. */
export class CertificateFiles implements OpenStore {
  readonly #paths: Record<string, string>;
  readonly #files: FileSet;
  readonly #layout: FileLayout;

  /** `paths`: role -> real path, in the order in which they are replaced. */
  constructor(
    paths: Record<string, string>,
    { layout, options }: { layout: FileLayout; options: FileSetOptions },
    context: DriverContext,
  ) {
    this.#paths = paths;
    this.#files = new FileSet(paths, context, options);
    this.#layout = layout;
  }

  async revision(): Promise<string> {
    return digestOf(await this.#files.read());
  }

  cleanUp = () => this.#files.cleanUp();
  tryWriting = () => this.#files.tryWriting();
  close = () => Promise.resolve();
  places = () => Promise.resolve(filePlaces(Object.values(this.#paths)));

  async entries(): Promise<StoreEntry[]> {
    return await this.#layout.decode(withoutEmpty(await this.#files.read()));
  }

  async snapshot(): Promise<Buffer> {
    return packFiles(await this.#files.read());
  }

  async prepareRestore(alias: string, snapshot: Uint8Array, { all }: RestoreOptions = {}): Promise<PreparedChange> {
    const present = await this.#files.read();
    const kept = unpackFiles(snapshot, Object.keys(present));
    const [old, then] = [withoutEmpty(present), withoutEmpty(kept)];
    const [now, before] = [await this.#readable(old), await this.#readable(then)];
    const isEntry = (one: StoreEntry) => one.alias.toLowerCase() === alias.toLowerCase();
    const [held, wanted] = [now.find(isEntry), before.find(isEntry)];
    const others = (entries: StoreEntry[]) =>
      entries.flatMap((one) => (isEntry(one) ? [] : [one.facts.fingerprintSha256])).sort();
    const isAlone = others(now).join() === others(before).join();
    const next = all || isAlone ? kept : this.#withEntry(wanted, alias, old);
    const fingerprints = {
      held: held?.facts.fingerprintSha256 ?? '',
      wanted: wanted?.facts.fingerprintSha256 ?? '',
    };
    const changes = this.#compare({ present, old, next }, fingerprints);
    const oldRevision = digestOf(present);
    return {
      ...{ changes, oldRevision, held, removesKey: false },
      newRevision: changes.length === 0 ? oldRevision : digestOf(next),
      write: async () => (changes.length === 0 ? [] : await this.#files.write(next, oldRevision)),
    };
  }

  /** What cannot be read as certificates has no entries; it is put back all the same. */
  readonly #readable = async (contents: FileContents): Promise<StoreEntry[]> =>
    await this.#layout.decode(contents).catch(() => []);

  /** Files of many certificates, whose others have changed: only this one goes back to what it was. */
  #withEntry(entry: StoreEntry | undefined, alias: string, old: FileContents): FileContents {
    if (!entry) return this.#without({ action: 'remove', alias }, old);
    const { facts, der, chain } = entry;
    const certificates = { certificate: Buffer.from(der), chain: chain.map((link) => Buffer.from(link.der)) };
    const { fingerprintSha256 } = facts;
    return this.#layout.encode({ action: 'add', alias, overwrite: true, fingerprintSha256, ...certificates }, old);
  }

  async prepare(change: StoreChange): Promise<PreparedChange> {
    const present = await this.#files.read();
    const old = withoutEmpty(present);
    const entries = await this.#layout.decode(old).catch(() => []);
    const entry = entries.find((one) => one.alias.toLowerCase() === change.alias.toLowerCase());
    const isAdd = change.action === 'add';
    const next = isAdd ? this.#layout.encode(change, old) : this.#without(change, old);
    refuse(change, { old, next, entry, isOther: entry === undefined && entries.length > 0 });
    const fingerprints = {
      held: entry?.facts.fingerprintSha256 ?? '',
      wanted: isAdd ? change.fingerprintSha256 : '',
    };
    const changes = this.#compare({ present, old, next }, fingerprints);
    const oldRevision = digestOf(present);
    return {
      changes,
      oldRevision,
      newRevision: changes.length === 0 ? oldRevision : digestOf(next),
      held: entry,
      removesKey: isAdd && this.#layout.holdsKey(old) && !this.#layout.holdsKey(next),
      notes: isAdd ? (this.#layout.notes?.(change) ?? []) : [],
      write: async () => (changes.length === 0 ? [] : await this.#files.write(next, oldRevision)),
    };
  }

  #without(change: RemoveChange, old: FileContents): FileContents {
    return this.#layout.remove?.(change, old) ?? Object.fromEntries(Object.keys(old).map((role) => [role, undefined]));
  }

  #compare(
    { present, old, next }: Record<'present' | 'old' | 'next', FileContents>,
    fingerprints: { held: string; wanted: string },
  ): Change[] {
    const changes: Change[] = [];
    for (const [role, what] of Object.entries(this.#paths)) {
      const [there, before, after] = [present[role], old[role], next[role]];
      if (there === after || (there && after && there.equals(after))) continue;
      const operation = !after ? 'delete' : before ? 'replace' : 'create';
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

/** `isOther`: the change is of one entry of several, and not of one that is there. */
function refuse(
  change: StoreChange,
  { old, next, entry, isOther }: { old: FileContents; next: FileContents; entry?: StoreEntry; isOther: boolean },
): void {
  const held = entry?.facts.fingerprintSha256 ?? '';
  const isEmpty = Object.values(old).every((content) => content === undefined);
  if (change.action === 'remove' && !isEmpty && !isOther && isAnother(change, entry))
    throw precondition('ANOTHER_CERTIFICATE', 'The files hold another certificate than the one to remove.', { held });
  if (change.action === 'add' && !change.overwrite && held !== change.fingerprintSha256 && loses(old, next, entry))
    throw precondition('ALIAS_EXISTS', 'The files hold another certificate; allow overwrite to replace it.', { held });
}

/** Files of this machine as a store's places. */
export const filePlaces = (paths: string[]): string[] => paths.map((path) => `file:${path}`);

/** An empty file, made beforehand with the right owner, holds nothing. */
const withoutEmpty = (contents: FileContents): FileContents =>
  Object.fromEntries(Object.entries(contents).map(([role, content]) => [role, content?.length ? content : undefined]));

/** Whether an addition takes something away: the entry in its place, or what nobody can read as one. */
const loses = (old: FileContents, next: FileContents, entry: StoreEntry | undefined): boolean =>
  entry !== undefined ||
  Object.entries(old).some(([role, content]) => content !== undefined && !next[role]?.includes(content));

/** PKCS#8 DER of the key to write: the change's, else the one in `old` (PEM or DER) if it is the certificate's. */
export function keyFor(change: AddChange, old: Buffer | undefined): Buffer | undefined {
  if (change.privateKey) return change.privateKey;
  const held = old && heldKey(old);
  return held?.publicKeyBits === publicKeyBitsOf(change.certificate) ? held.pkcs8 : undefined;
}

/** The key in a file, PEM or DER, in any form that is not encrypted. */
export function heldKey(content: Buffer): { pkcs8: Buffer; publicKeyBits: string } | undefined {
  const block = readPem(content).find(({ label }) => label.endsWith('PRIVATE KEY'));
  const der = block ? block.bytes : content;
  const shape = der && shapeOfKey(der);
  if (!der || shape === undefined || shape === 'encrypted' || shape === 'dsa') return undefined;
  try {
    const key = readPrivateKey(der, shape);
    return { pkcs8: Buffer.from(key.pkcs8), publicKeyBits: key.publicKeyBitsSha256 };
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
