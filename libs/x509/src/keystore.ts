import { hash } from 'node:crypto';
import { isSignedBy, readCertificate, type CertificateFacts } from './certificate.ts';
import { MAX_CHAIN_LENGTH } from './chains.ts';
import { writeJks } from './jks.ts';
import {
  certificateBag,
  keyBag,
  readPkcs12,
  writePkcs12,
  type Pkcs12,
  type SafeBag,
  type WritingOptions,
} from './pkcs12.ts';
import { readPrivateKey, type PrivateKey } from './private-key.ts';
import { publicKeyBitsOf } from './public-key-bits.ts';
import { malformed } from './x509-error.ts';

type CertificateBag = Extract<SafeBag, { kind: 'certificate' }>;

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

/** A new keystore, its keys under its password. */
export function createKeystore(keystore: { type: KeystoreType; password: string; entries: NewEntry[] }): Uint8Array {
  const { type, password, entries } = keystore;
  if (type === 'jks')
    return writeJks(
      entries.map((entry) => ({ ...entry, createdAt: new Date() })),
      password,
    );
  const options: WritingOptions = { password, profile: type === 'pkcs12' ? 'modern' : 'legacy' };
  const file: Pkcs12 = { contents: [], iterations: 0, notices: [] };
  for (const entry of entries) addEntry(file, entry, options);
  return writePkcs12(file, options);
}

/** Adds an entry, or replaces the one with the same alias (compared without case). `content` empty: a new keystore. */
export function putKeystoreEntry(content: Uint8Array, password: string, entry: NewEntry): Uint8Array {
  const file = openKeystore(content, password);
  dropEntry(file, entry.alias);
  const options: WritingOptions = { password, profile: 'modern' };
  addEntry(file, entry, options);
  return writePkcs12(file, options);
}

function addEntry(file: Pkcs12, entry: NewEntry, options: WritingOptions): void {
  const { alias } = entry;
  const [leaf, ...chain] = entry.certificates;
  if (!leaf) throw malformed('keystore entry without a certificate');
  if (!entry.privateKey?.length) {
    file.contents.push({ encrypted: true, bags: [certificateBag(leaf, { alias, trusted: true })] });
    return;
  }
  const localKeyId = hash('sha1', leaf, 'buffer');
  const key = readPrivateKey(entry.privateKey, 'pkcs8');
  const held = new Set(certificateBags(file).map((bag) => hash('sha256', bag.der)));
  const links = chain.filter((der) => !held.has(hash('sha256', der))).map((der) => certificateBag(der));
  file.contents.push({ encrypted: true, bags: [certificateBag(leaf, { alias, localKeyId }), ...links] });
  file.contents.push({ encrypted: false, bags: [keyBag(key, options, { alias, localKeyId })] });
}

/** Removes the entry with this alias, and the links of its chain that no other entry needs. */
export function removeKeystoreEntry(content: Uint8Array, password: string, alias: string): Uint8Array {
  const file = openKeystore(content, password);
  dropEntry(file, alias);
  return writePkcs12(file, { password, profile: 'modern' });
}

function openKeystore(content: Uint8Array, password: string): Pkcs12 {
  return content.length === 0 ? { contents: [], iterations: 0, notices: [] } : readPkcs12(content, password);
}

const allBags = (file: Pkcs12): SafeBag[] => file.contents.flatMap((contents) => contents.bags);
const certificateBags = (file: Pkcs12): CertificateBag[] => allBags(file).filter((bag) => bag.kind === 'certificate');

/** The entries of an opened keystore, in its order. */
export function listKeystoreEntries(file: Pkcs12): KeystoreEntry[] {
  const bags = readFacts(certificateBags(file));
  const leaves = new Set<CertificateBag>();
  const entries: KeystoreEntry[] = [];
  for (const bag of allBags(file)) {
    if (bag.kind !== 'key') continue;
    const leaf = leafOf(bag, bags);
    if (leaf) leaves.add(leaf.bag);
    const certificates = leaf ? chainOf(leaf, bags).map((one) => one.bag.der) : [];
    entries.push({ alias: bag.alias ?? leaf?.bag.alias ?? '', key: bag.key, certificates });
  }
  const isTrusted = ({ bag }: BagFacts) => !leaves.has(bag) && (bag.trusted || entries.length === 0);
  return [
    ...entries,
    ...bags.filter(isTrusted).map(({ bag }) => ({ alias: bag.alias ?? '', certificates: [bag.der] })),
  ];
}

/** The certificate of a key: of several with its public key the one with its name, else with its localKeyId. */
function leafOf(key: SafeBag & { kind: 'key' }, bags: BagFacts[]): BagFacts | undefined {
  const fitting = bags.filter((one) => one.publicKeyBits === key.key.publicKeyBitsSha256);
  const alias = key.alias?.toLowerCase();
  return (
    fitting.find(({ bag }) => alias !== undefined && bag.alias?.toLowerCase() === alias) ??
    fitting.find(({ bag }) => key.localKeyId !== undefined && bag.localKeyId === key.localKeyId) ??
    fitting[0]
  );
}

interface BagFacts {
  bag: CertificateBag;
  facts: CertificateFacts;
  publicKeyBits: string;
}

const readFacts = (bags: CertificateBag[]): BagFacts[] =>
  bags.map((bag) => ({ bag, facts: readCertificate(bag.der), publicKeyBits: publicKeyBitsOf(bag.der) }));

function chainOf(leaf: BagFacts, all: BagFacts[]): BagFacts[] {
  const chain = [leaf];
  for (let last = leaf; !last.facts.selfIssued && chain.length < MAX_CHAIN_LENGTH;) {
    const issuer = all.find((one) => one.facts.subject === last.facts.issuer && isSignedBy(last.bag.der, one.bag.der));
    if (!issuer || chain.includes(issuer)) break;
    chain.push(issuer);
    last = issuer;
  }
  return chain;
}

function dropEntry(file: Pkcs12, alias: string): void {
  const wanted = alias.toLowerCase();
  const isNamed = (bag: SafeBag) => bag.kind !== 'other' && bag.alias?.toLowerCase() === wanted;
  const bags = readFacts(certificateBags(file));
  const keys = allBags(file).filter((bag) => bag.kind === 'key');
  const linksOf = (list: typeof keys) =>
    list.flatMap((key) => leafOf(key, bags) ?? []).flatMap((leaf) => chainOf(leaf, bags));
  const needed = new Set(linksOf(keys.filter((key) => !isNamed(key))).map((one) => one.bag));
  const orphaned = linksOf(keys.filter(isNamed)).map((one) => one.bag);
  const dropped = new Set<SafeBag>(
    allBags(file).filter((bag) => isNamed(bag) && !(bag.kind === 'certificate' && needed.has(bag))),
  );
  for (const bag of orphaned) if (!needed.has(bag) && !bag.trusted) dropped.add(bag);
  if (dropped.size === 0) return;
  for (const contents of file.contents) {
    const kept = contents.bags.filter((bag) => !dropped.has(bag));
    if (kept.length === contents.bags.length) continue;
    contents.bags = kept;
    delete contents.raw;
  }
}
