import { precondition } from '@certferry/core';
import { parserV1 } from '@certferry/contracts';
import { readCertificate } from '@certferry/x509';
import type { DriverContext, StoreParser } from '../driver-context.ts';
import { filePlaces } from '../files/certificate-files.ts';
import { digestOf, FileSet } from '../files/file-set.ts';
import { packFiles, unpackFiles } from '../files/files-snapshot.ts';
import {
  isAnother,
  type AddChange,
  type Change,
  type EntryCertificate,
  type OpenStore,
  type PreparedChange,
  type RestoreOptions,
  type StoreChange,
  type StoreEntry,
} from '../store-driver.ts';
import { chooseAlias, entryAt, namesOf } from './choose-entry.ts';
import type { KeystoreConfig } from './keystore-config.ts';
import { isOtherwiseSame, restoringEdit } from './restore-entry.ts';

const { ContainerFormat, KeystoreType } = parserV1;
const FILE = 'keystore';
const PKCS12_TYPES = { modern: KeystoreType.PKCS12, legacy: KeystoreType.PKCS12_LEGACY } as const;

/** What the file is now. */
interface Held {
  content?: Buffer;
  entries: HeldEntry[];
  /** Aliases of entries that are no certificate. */
  others: string[];
  /** The one of the config's that opens it. */
  password: string;
  /** What the config wants otherwise of the whole file, for people; empty: nothing. */
  outdated: string[];
}

type HeldEntry = StoreEntry & { locked: boolean };
type Edit = NonNullable<parserV1.KeystoreEdit['edit']>;

/** A keystore file that changes as one: entries that no change names stay byte for byte. */
export class KeystoreStore implements OpenStore {
  readonly #config: KeystoreConfig;
  readonly #files: FileSet;
  readonly #parser: StoreParser;

  /** `config.path`: the real one. */
  constructor(config: KeystoreConfig, context: DriverContext) {
    this.#config = config;
    this.#files = new FileSet({ [FILE]: config.path }, context);
    this.#parser = context.parser;
  }

  async revision(): Promise<string> {
    return digestOf(await this.#files.read());
  }

  places = () => Promise.resolve(filePlaces([this.#config.path]));
  cleanUp = () => this.#files.cleanUp();
  tryWriting = () => this.#files.tryWriting();
  close = () => Promise.resolve();

  async entries(): Promise<StoreEntry[]> {
    const { entries } = await this.#read((await this.#files.read())[FILE]);
    return entries.map(({ locked: _, ...entry }) => entry);
  }

  async #read(content: Buffer | undefined): Promise<Held> {
    const { password, previousPassword, keyPassword } = this.#config;
    if (!content || content.length === 0) return { content, entries: [], others: [], password, outdated: [] };
    const passwords = [password, ...(previousPassword === undefined ? [] : [previousPassword])];
    const listed = await this.#parser.listKeystore({ content, passwords, keyPassword });
    this.#checkFormat(listed.format);
    const all = listed.entries.map(toHeldEntry);
    return {
      content,
      entries: all.filter((one) => typeof one !== 'string'),
      others: all.filter((one) => typeof one === 'string'),
      password: passwords[listed.password]!,
      outdated: this.#findOutdated(listed),
    };
  }

  /** WRONG_STORE_KIND for a JKS where only PKCS#12 is meant: what reads it would not read what is written. */
  #checkFormat(format: parserV1.ContainerFormat): void {
    const { takesBoth, path } = this.#config;
    if (takesBoth || format === ContainerFormat.PKCS12) return;
    throw precondition(
      'WRONG_STORE_KIND',
      `${path} is a JKS keystore, not a PKCS#12 one: take the store kind jks for it, or convert it by keytool -importkeystore -deststoretype pkcs12.`,
      { path },
    );
  }

  #findOutdated({ format, type, password }: parserV1.ListKeystoreResponse): string[] {
    const { encryption } = this.#config;
    const isOtherwise = encryption && format === ContainerFormat.PKCS12 && type !== PKCS12_TYPES[encryption];
    return [...(password > 0 ? ['password'] : []), ...(isOtherwise ? ['encryption'] : [])];
  }

  async prepare(asked: StoreChange): Promise<PreparedChange> {
    const old = await this.#files.read();
    const held = await this.#read(old[FILE]);
    const names = asked.action === 'add' ? namesOf(readCertificate(asked.certificate)) : [];
    const change = { ...asked, alias: chooseAlias(asked, held.entries, names) };
    const { edits, changes, removesKey } =
      change.action === 'add' ? this.#add(change, held) : this.#remove(change, held);
    const oldRevision = digestOf(old);
    const { alias } = change;
    const place = { alias, held: entryAt(held.entries, alias), removesKey };
    for (const what of held.outdated) changes.push(this.#changeOf({ operation: 'replace', what }));
    if (changes.length === 0)
      return { ...place, changes, oldRevision, newRevision: oldRevision, write: () => Promise.resolve() };
    const next = { [FILE]: await this.#edit(held, edits) };
    const write = () => this.#files.write(next, oldRevision);
    return { ...place, changes, oldRevision, newRevision: digestOf(next), write };
  }

  /** The whole file: only so can it be put back byte for byte. */
  async snapshot(): Promise<Buffer> {
    return packFiles(await this.#files.read());
  }

  async prepareRestore(alias: string, snapshot: Uint8Array, options: RestoreOptions = {}): Promise<PreparedChange> {
    const old = await this.#files.read();
    const kept = unpackFiles(snapshot, [FILE]);
    const [now, then] = [await this.#read(old[FILE]), await this.#read(kept[FILE])];
    const [held, wanted] = [entryAt(now.entries, alias), entryAt(then.entries, alias)];
    const isWhole = options.all || isOtherwiseSame(now, then, alias);
    const next = isWhole ? kept : { [FILE]: await this.#withEntryOf(then, now, { alias, held }) };
    const [oldRevision, newRevision] = [digestOf(old), digestOf(next)];
    const place = { alias: held?.alias ?? wanted?.alias ?? alias, held, removesKey: false, oldRevision, newRevision };
    if (oldRevision === newRevision) return { ...place, changes: [], write: () => Promise.resolve() };
    const operation = !held ? 'create' : wanted ? 'replace' : 'delete';
    const change =
      held || wanted
        ? this.#changeOf({ operation, entry: held, wanted: wanted && { alias, ...wanted.facts } })
        : this.#changeOf({ operation: 'replace', what: 'the keystore' });
    return { ...place, changes: [change], write: () => this.#files.write(next, oldRevision) };
  }

  /** Others have changed the file since: it stays, and one entry goes back to what it was. */
  async #withEntryOf(
    { content, entries, password }: Held,
    now: Held,
    place: { alias: string; held: StoreEntry | undefined },
  ): Promise<Buffer | undefined> {
    const { keyPassword } = this.#config;
    const older = { content: content ?? Buffer.alloc(0), entries, password, keyPassword };
    const edit = await restoringEdit(this.#parser, older, place);
    return edit ? await this.#edit({ ...now, outdated: [] }, [edit]) : now.content;
  }

  #add(change: AddChange, held: Held): Plan {
    const { alias, certificate, chain, privateKey, fingerprintSha256, trusted = [] } = change;
    const places = [
      { alias, fingerprintSha256, certificates: [certificate, ...chain], privateKey },
      ...trusted.map((one) => ({ ...one, certificates: [one.certificate], privateKey: undefined })),
    ];
    const plan: Plan = { edits: [], changes: [], removesKey: false };
    for (const place of places) {
      const entry = entryAt(held.entries, place.alias);
      checkPlace(entry, { ...place, overwrite: change.overwrite, others: held.others });
      if (entry && isSame(entry, place)) continue;
      const value = {
        alias: entry?.alias ?? place.alias,
        certificates: place.certificates,
        privateKey: place.privateKey ?? new Uint8Array(),
      };
      plan.edits.push({ $case: 'put', value });
      plan.removesKey ||= Boolean(entry?.hasPrivateKey && !place.privateKey);
      const wanted = { alias: value.alias, fingerprintSha256: place.fingerprintSha256 };
      plan.changes.push(this.#changeOf({ operation: entry ? 'replace' : 'create', entry, wanted }));
    }
    return plan;
  }

  #remove(change: Extract<StoreChange, { action: 'remove' }>, held: Held): Plan {
    const entry = entryAt(held.entries, change.alias);
    if (!entry) return { edits: [], changes: [], removesKey: false };
    if (isAnother(change, entry)) {
      throw precondition(
        'ANOTHER_CERTIFICATE',
        `The alias "${entry.alias}" holds another certificate than the one to remove.`,
        { held: entry.facts.fingerprintSha256 },
      );
    }
    const edits: Edit[] = [{ $case: 'remove', value: { alias: entry.alias } }];
    return { edits, changes: [this.#changeOf({ operation: 'delete', entry })], removesKey: false };
  }

  #changeOf(of: {
    operation: Change['operation'];
    entry?: StoreEntry;
    wanted?: { alias: string; fingerprintSha256: string };
    /** Of the whole file. */
    what?: string;
  }): Change {
    const { operation, entry, wanted, what = `entry "${entry?.alias ?? wanted?.alias}"` } = of;
    return {
      operation,
      what: `${this.#config.path} ${what}`,
      oldFingerprintSha256: entry?.facts.fingerprintSha256 ?? '',
      newFingerprintSha256: wanted?.fingerprintSha256 ?? '',
    };
  }

  async #edit({ content, password, outdated }: Held, edits: Edit[]): Promise<Buffer> {
    const { keyPassword, format, encryption } = this.#config;
    const newType = format === 'jks' ? KeystoreType.JKS : PKCS12_TYPES[encryption ?? 'modern'];
    const isNew = !content || content.length === 0;
    const answer = await this.#parser.editKeystore({
      content: content ?? new Uint8Array(),
      password,
      keyPassword,
      edits: edits.map((edit) => ({ edit })),
      newPassword: outdated.includes('password') ? this.#config.password : undefined,
      type: isNew ? newType : outdated.includes('encryption') ? PKCS12_TYPES[encryption!] : undefined,
    });
    return Buffer.from(answer.content);
  }
}

interface Plan {
  edits: Edit[];
  changes: Change[];
  removesKey: boolean;
}

interface Wanted {
  alias: string;
  fingerprintSha256: string;
  certificates: Buffer[];
  privateKey?: Buffer;
}

/** Whether what is wanted may be put where `entry` stands. */
function checkPlace(entry: HeldEntry | undefined, wanted: Wanted & { overwrite: boolean; others: string[] }): void {
  const { alias, fingerprintSha256, overwrite, others } = wanted;
  if (others.some((other) => other.toLowerCase() === alias.toLowerCase()))
    throw precondition('ALIAS_EXISTS', `The alias "${alias}" holds something that is no certificate; take another.`, {
      alias,
    });
  if (!entry) return;
  if (entry.facts.fingerprintSha256 !== fingerprintSha256 && !overwrite) {
    throw precondition(
      'ALIAS_EXISTS',
      `The alias "${entry.alias}" holds another certificate; allow overwrite to replace it, or say another alias.`,
      { alias: entry.alias, held: entry.facts.fingerprintSha256 },
    );
  }
  if (entry.locked && wanted.privateKey) {
    throw precondition(
      'ENTRY_PASSWORD',
      `The key of "${entry.alias}" has a password of its own, and what reads it would not open one with another: give it as keyPassword (JKS), or remove the entry first.`,
      { alias: entry.alias },
    );
  }
}

/** The same leaf, with or without key as asked, and the same chain. A trusted certificate has no chain. */
function isSame(held: StoreEntry, { fingerprintSha256, certificates, privateKey }: Wanted): boolean {
  if (held.facts.fingerprintSha256 !== fingerprintSha256 || held.hasPrivateKey !== (privateKey !== undefined))
    return false;
  if (!held.hasPrivateKey) return true;
  const chain = certificates.slice(1);
  return held.chain.length === chain.length && held.chain.every(({ der }, i) => chain[i]!.equals(der));
}

/** An entry, or the alias of one that is no certificate. */
function toHeldEntry({ alias, certificates, hasPrivateKey, locked }: parserV1.KeystoreEntry): HeldEntry | string {
  const [leaf, ...chain] = certificates.flatMap(({ der, facts }): EntryCertificate[] =>
    facts ? [{ der, facts }] : [],
  );
  if (!leaf || !certificates[0]?.facts) return alias;
  return { alias, ...leaf, hasPrivateKey, locked, chain };
}
