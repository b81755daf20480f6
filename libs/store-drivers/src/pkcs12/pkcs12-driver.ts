import { precondition } from '@certferry/core';
import type { parserV1 } from '@certferry/contracts';
import { z } from 'zod';
import type { DriverContext, StoreParser } from '../driver-context.ts';
import { filePlaces } from '../files/certificate-files.ts';
import { filePath, FILES_TRIED } from '../files/file-config.ts';
import { digestOf, FileSet } from '../files/file-set.ts';
import {
  isAnother,
  toEntryCertificate,
  type AddChange,
  type Change,
  type OpenStore,
  type PreparedChange,
  type RemoveChange,
  type StoreChange,
  type StoreDriver,
  type StoreEntry,
} from '../store-driver.ts';
import { rfPkcs12 } from './pkcs12-keyfactor-type.ts';

const config = z.strictObject({
  path: filePath.describe('The keystore file; made if it is not there.'),
  password: z.string().min(1).max(1_000).describe('Of the keystore and its keys.').meta({ writeOnly: true }),
});

/** A PKCS#12 keystore on the local file system, as Java, Tomcat, Windows and .NET read it. */
export const pkcs12: StoreDriver<typeof config> = {
  kind: 'pkcs12',
  title: 'PKCS#12 keystore',
  description:
    'Entries of a PKCS#12 file on the local file system. Entries that Certferry did not write stay as they are.',
  alias: 'required',
  config,
  tried: FILES_TRIED,
  keyfactorType: rfPkcs12,
  holdsPrivateKey: () => true,
  async open({ path, password }, context) {
    return new Pkcs12Store({ path: await context.roots.resolve(path, context.signal), password }, context);
  },
};

const FILE = 'keystore';

class Pkcs12Store implements OpenStore {
  readonly #config: { path: string; password: string };
  readonly #files: FileSet;
  readonly #parser: StoreParser;

  constructor(store: { path: string; password: string }, context: DriverContext) {
    this.#config = store;
    this.#files = new FileSet({ [FILE]: store.path }, context);
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
    return await this.#entriesOf((await this.#files.read())[FILE]);
  }

  async #entriesOf(content: Buffer | undefined): Promise<StoreEntry[]> {
    if (!content?.length) return [];
    const { certificates, keys } = await this.#parser.inspect({ content, password: this.#config.password });
    const withKey = certificates.filter((one) => one.key !== undefined);
    const issuers = new Set(withKey.flatMap((leaf) => chainOf(leaf, certificates)));
    const trusted = certificates.filter(
      (one) => one.key === undefined && (one.trusted || (one.alias !== '' && !issuers.has(one))),
    );
    return [...withKey, ...trusted].map((one) => toEntry(one, { keys, certificates }));
  }

  async prepare(change: StoreChange): Promise<PreparedChange> {
    const old = await this.#files.read();
    const content = old[FILE];
    const entries = await this.#entriesOf(content);
    const held = entries.find((entry) => entry.alias.toLowerCase() === change.alias.toLowerCase());
    const oldRevision = digestOf(old);
    const next =
      change.action === 'add'
        ? await this.#put(change, { content, held })
        : await this.#remove(change, { content, held });
    if (!next)
      return {
        ...{ changes: [], oldRevision, newRevision: oldRevision, held, removesKey: false },
        write: () => Promise.resolve(),
      };
    const operation: Change['operation'] = change.action === 'remove' ? 'delete' : held ? 'replace' : 'create';
    const changes: Change[] = [
      {
        operation,
        what: `${this.#config.path} entry "${held?.alias ?? change.alias}"`,
        oldFingerprintSha256: held?.facts.fingerprintSha256 ?? '',
        newFingerprintSha256: change.action === 'add' ? change.fingerprintSha256 : '',
      },
    ];
    return {
      changes,
      oldRevision,
      newRevision: digestOf({ [FILE]: next }),
      held,
      removesKey: change.action === 'add' && held?.hasPrivateKey === true && change.privateKey === undefined,
      write: () => this.#files.write({ [FILE]: next }, oldRevision),
    };
  }

  async #put(change: AddChange, now: { content?: Buffer; held?: StoreEntry }): Promise<Buffer | undefined> {
    const { held } = now;
    if (held && isSame(held, change)) return undefined;
    if (held && held.facts.fingerprintSha256 !== change.fingerprintSha256 && !change.overwrite) {
      throw precondition(
        'ALIAS_EXISTS',
        `The alias "${held.alias}" holds another certificate; allow overwrite to replace it.`,
        { alias: held.alias, held: held.facts.fingerprintSha256 },
      );
    }
    const value = {
      alias: change.alias,
      certificates: [change.certificate, ...change.chain],
      privateKey: change.privateKey ?? new Uint8Array(),
    };
    return await this.#edit(now.content, { $case: 'put', value });
  }

  async #remove(change: RemoveChange, now: { content?: Buffer; held?: StoreEntry }): Promise<Buffer | undefined> {
    if (!now.held) return undefined;
    if (isAnother(change, now.held)) {
      throw precondition(
        'ANOTHER_CERTIFICATE',
        `The alias "${now.held.alias}" holds another certificate than the one to remove.`,
        { held: now.held.facts.fingerprintSha256 },
      );
    }
    return await this.#edit(now.content, { $case: 'remove', value: { alias: change.alias } });
  }

  async #edit(content: Buffer | undefined, edit: parserV1.EditKeystoreRequest['edit']): Promise<Buffer> {
    const answer = await this.#parser.editKeystore({
      content: content ?? new Uint8Array(),
      password: this.#config.password,
      edit,
    });
    return Buffer.from(answer.content);
  }
}

/** The same leaf, with or without key as asked, and the same chain. A trusted certificate has no chain. */
function isSame(held: StoreEntry, change: AddChange): boolean {
  if (
    held.facts.fingerprintSha256 !== change.fingerprintSha256 ||
    held.hasPrivateKey !== (change.privateKey !== undefined)
  )
    return false;
  return !held.hasPrivateKey || held.chain.length === change.chain.length;
}

/** The certificates that follow a leaf in its keystore, by name. */
function chainOf(leaf: parserV1.CertificateEntry, all: parserV1.CertificateEntry[]): parserV1.CertificateEntry[] {
  const chain: parserV1.CertificateEntry[] = [];
  for (let last = leaf; !last.facts!.selfIssued;) {
    const issuer = all.find((one) => one.facts!.subject === last.facts!.issuer);
    if (!issuer || issuer === leaf || chain.includes(issuer)) break;
    chain.push(issuer);
    last = issuer;
  }
  return chain;
}

function toEntry(
  leaf: parserV1.CertificateEntry,
  from: { keys: parserV1.KeyEntry[]; certificates: parserV1.CertificateEntry[] },
): StoreEntry {
  const hasPrivateKey = leaf.key !== undefined;
  // The certificate's own name first: one key may stand under several aliases.
  const alias = leaf.alias || (from.keys[leaf.key ?? -1]?.alias ?? '');
  const chain = hasPrivateKey ? chainOf(leaf, from.certificates).map(toEntryCertificate) : [];
  return { alias, ...toEntryCertificate(leaf), hasPrivateKey, chain };
}
