import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { ENCRYPTIONS, profileOf, type Encryption, type EncryptionProfile } from './password-writing.ts';
import { allBags, entriesOf, type BagEntry } from './pkcs12-entries.ts';
import { certificateBag, encryptKeyBagAgain, keyBag, MACS, writePkcs12 } from './pkcs12-writer.ts';
import { openPkcs12, type Pkcs12, type SafeBag, type SafeContents } from './pkcs12.ts';
import type { KeystoreEdit, NewEntry } from './keystore.ts';
import { readPrivateKey } from './private-key.ts';
import { malformed } from './x509-error.ts';

export const newPkcs12 = (): Pkcs12 => ({ contents: [], iterations: 0, notices: [] });

const isSameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();

/** Where bags stood: what comes for them takes their place. */
interface Place {
  contents: SafeContents;
  position: number;
}

/** What an entry leaves behind when it goes. */
interface Left {
  certificate?: Place;
  key?: Place;
  localKeyId?: string;
}

/** A PKCS#12 keystore while it is changed: bags that no edit names stay byte for byte, with the order of all. */
export class Pkcs12Keystore {
  readonly #file: Pkcs12;
  #password: string;
  readonly #profile: EncryptionProfile;

  /** `profile`: of a new file. */
  constructor(file: Pkcs12, password: string, profile: EncryptionProfile = 'modern') {
    this.#file = file;
    this.#password = password;
    this.#profile = profile;
  }

  /** Opens it for a change: keys that have a password of their own stay closed. */
  static open(content: Uint8Array, passwords: { password: string; profile?: EncryptionProfile }): Pkcs12Keystore {
    const { password, profile } = passwords;
    const file = content.length === 0 ? newPkcs12() : openPkcs12(content, { password, keepLocked: true });
    return new Pkcs12Keystore(file, password, profile);
  }

  get entries(): BagEntry[] {
    return entriesOf(this.#file);
  }

  edit(edit: KeystoreEdit): void {
    if ('remove' in edit) this.#drop(edit.remove);
    else this.add(edit.put, this.#drop(edit.put.alias));
  }

  /** Adds an entry, into the place of one that went. */
  add({ alias: name, certificates, privateKey }: NewEntry, left: Left = {}): void {
    const [leaf, ...chain] = certificates;
    if (!leaf) throw malformed('keystore entry without a certificate');
    const alias = name === '' ? undefined : name;
    if (!privateKey?.length) {
      this.#insert(left.certificate, { encrypted: true }, [certificateBag(leaf, { alias, trusted: true })]);
      return;
    }
    const localKeyId =
      left.localKeyId === undefined ? hash('sha1', leaf, 'buffer') : Buffer.from(left.localKeyId, 'hex');
    const options = { password: this.#password, profile: this.#profile, encryption: this.#keyEncryption() };
    const key = keyBag(readPrivateKey(privateKey, 'pkcs8'), options, { alias, localKeyId });
    const links = chain.map((der) => certificateBag(der));
    const insertKey = () => this.#insert(left.key, { encrypted: false }, [key]);
    const insertLeaf = () =>
      this.#insert(left.certificate, { encrypted: true }, [certificateBag(leaf, { alias, localKeyId }), ...links]);
    // What stands further behind goes in first, so that the other place stays where it is.
    const keyIsBehind = left.key && left.certificate && left.key.position >= left.certificate.position;
    for (const insert of keyIsBehind ? [insertKey, insertLeaf] : [insertLeaf, insertKey]) insert();
  }

  /** A new bag is encrypted as the file's others are. */
  #insert(place: Place | undefined, fresh: { encrypted: boolean }, bags: SafeBag[]): void {
    if (place) {
      place.contents.bags.splice(place.position, 0, ...bags);
      return;
    }
    const encryption = this.#contentEncryption();
    const { contents } = this.#file;
    const isPlain = contents.length > 0 && !contents.some(({ encrypted }) => encrypted);
    contents.push({ encrypted: fresh.encrypted && !isPlain, ...(encryption && { encryption }), bags });
  }

  #contentEncryption(): Encryption | undefined {
    return this.#file.contents.find(({ encryption }) => encryption)?.encryption;
  }

  #keyEncryption(): Encryption {
    const ofKeys = allBags(this.#file).flatMap((bag) => (bag.kind === 'key' && bag.encryption ? [bag.encryption] : []));
    return ofKeys[0] ?? this.#contentEncryption() ?? ENCRYPTIONS[this.#profile];
  }

  /** Takes the entry with this alias out, and the links of its chain that no other entry needs. */
  #drop(alias: string): Left {
    const entries = this.entries;
    const gone = entries.filter((entry) => isSameName(entry.alias, alias));
    const needed = new Set(entries.filter((entry) => !gone.includes(entry)).flatMap(bagsOf));
    const dropped = new Set(gone.flatMap(bagsOf).filter((bag) => !needed.has(bag)));
    const left: Left = {};
    const [first] = gone;
    if (first) {
      const leaf = first.kind === 'other' ? first.bag : first.leaf;
      left.certificate = leaf && this.#placeOf(leaf, dropped);
      if (first.kind === 'key') left.key = this.#placeOf(first.key, dropped);
      const stays = allBags(this.#file).filter((bag) => !dropped.has(bag));
      const id = first.kind === 'key' ? first.key.localKeyId : undefined;
      if (id && !stays.some((bag) => bag.localKeyId === id)) left.localKeyId = id;
    }
    for (const contents of this.#file.contents) {
      const kept = contents.bags.filter((bag) => !dropped.has(bag));
      if (kept.length === contents.bags.length) continue;
      contents.bags = kept;
      delete contents.raw;
    }
    return left;
  }

  /** The contents of a bag that goes, and how many bags that stay are before it. */
  #placeOf(bag: SafeBag, dropped: Set<SafeBag>): Place | undefined {
    const contents = this.#file.contents.find(({ bags }) => bags.includes(bag));
    if (!contents || !dropped.has(bag)) return undefined;
    const before = contents.bags.slice(0, contents.bags.indexOf(bag));
    return { contents, position: before.filter((one) => !dropped.has(one)).length };
  }

  /** Another password, another encryption, or both, for all that this keystore's password opens. */
  protect({ password = this.#password, profile }: { password?: string; profile?: EncryptionProfile }): void {
    this.#password = password;
    if (profile) this.#file.mac = MACS[profile];
    for (const contents of this.#file.contents) {
      delete contents.raw;
      if (contents.encrypted) contents.encryption = profile ? ENCRYPTIONS[profile] : contents.encryption;
      contents.bags = contents.bags.map((bag) => {
        if (bag.kind !== 'key' || !bag.encrypted || bag.ownPassword) return bag;
        const encryption = profile ? ENCRYPTIONS[profile] : (bag.encryption ?? ENCRYPTIONS[this.#profile]);
        return encryptKeyBagAgain(bag, { password, encryption });
      });
    }
  }

  write(): Buffer {
    return writePkcs12(this.#file, { password: this.#password, profile: this.#profile });
  }
}

const bagsOf = (entry: BagEntry): SafeBag[] => {
  if (entry.kind === 'other') return [entry.bag];
  if (entry.kind === 'certificate') return [entry.leaf];
  return [entry.key, ...(entry.leaf ? [entry.leaf] : []), ...entry.links];
};

/** What all of a file is encrypted with; undefined where it is mixed, or not encrypted. */
export function profileOfFile(file: Pkcs12): EncryptionProfile | undefined {
  const encryptions = [
    ...file.contents.flatMap(({ encrypted, encryption }) => (encrypted ? [encryption] : [])),
    ...allBags(file).flatMap((bag) =>
      bag.kind === 'key' && bag.encrypted && !bag.ownPassword ? [bag.encryption] : [],
    ),
  ];
  const profiles = new Set(encryptions.map((one) => one && profileOf(one)));
  if (file.mac?.kind === 'pkcs12') profiles.add(file.mac.digest === 'sha1' ? 'legacy' : 'modern');
  return profiles.size === 1 ? [...profiles][0] : undefined;
}
