import { isSignedBy, readCertificate, type CertificateFacts } from './certificate.ts';
import { MAX_CHAIN_LENGTH } from './chains.ts';
import type { Pkcs12, SafeBag, SafeContents } from './pkcs12.ts';
import { publicKeyBitsOf } from './public-key-bits.ts';
import { ifReadable } from './x509-error.ts';

export type CertificateBag = Extract<SafeBag, { kind: 'certificate' }>;
export type KeyBag = Extract<SafeBag, { kind: 'key' | 'locked' }>;

/** What a reader of a PKCS#12 keystore calls an entry, by the bags that it is made of. */
export type BagEntry =
  | {
      kind: 'key';
      alias: string;
      key: KeyBag;
      leaf?: CertificateBag;
      /** The certificates that follow the leaf. */
      chain: CertificateBag[];
      /** Those of them that are there for a chain only, and go with the last that needs them. */
      links: CertificateBag[];
    }
  | { kind: 'certificate'; alias: string; leaf: CertificateBag }
  /** A secret key, a CRL: something with a name that is no certificate. */
  | { kind: 'other'; alias: string; bag: SafeBag };

/** A certificate bag and what it takes to find it as somebody's leaf or issuer. */
interface Candidate {
  bag: CertificateBag;
  contents: SafeContents;
  position: number;
  facts: CertificateFacts;
  publicKeyBits: string;
}

export const allBags = (file: Pkcs12): SafeBag[] => file.contents.flatMap((contents) => contents.bags);

const isKey = (bag: SafeBag): bag is KeyBag => bag.kind === 'key' || bag.kind === 'locked';

/**
 * The entries of an opened keystore, those with a key first, each in the file's order. A bag that is an entry by itself
 * (trusted, or the certificate of a key) is taken as a link of a chain only where no other bag holds its issuer.
 * A certificate without a key, a trust attribute or a place in a chain is an entry where it has a name.
 */
export function entriesOf(file: Pkcs12): BagEntry[] {
  const bags = allBags(file);
  const candidates = readCandidates(file);
  const keys = bags.filter(isKey).map((key) => ({ key, leaf: leafOf(key, candidates) }));
  const leaves = new Set(keys.flatMap(({ leaf }) => (leaf ? [leaf.bag] : [])));
  const entries: BagEntry[] = keys.map(({ key, leaf }) => {
    const chain = leaf ? chainOf(leaf, candidates, leaves) : [];
    const isLink = ({ bag, contents }: Candidate) =>
      !bag.trusted && !leaves.has(bag) && (bag.alias === undefined || contents === leaf?.contents);
    return {
      kind: 'key',
      key,
      alias: key.alias ?? leaf?.bag.alias ?? '',
      leaf: leaf?.bag,
      chain: chain.map(({ bag }) => bag),
      links: chain.filter(isLink).map(({ bag }) => bag),
    };
  });
  const linked = new Set(entries.flatMap((entry) => (entry.kind === 'key' ? entry.links : [])));
  for (const bag of bags) {
    const alias = bag.alias ?? '';
    if (bag.kind === 'other' && alias !== '') entries.push({ kind: 'other', alias, bag });
    if (bag.kind !== 'certificate' || leaves.has(bag)) continue;
    if (bag.trusted || (!linked.has(bag) && (alias !== '' || keys.length === 0)))
      entries.push({ kind: 'certificate', alias, leaf: bag });
  }
  return entries;
}

function readCandidates(file: Pkcs12): Candidate[] {
  return file.contents.flatMap((contents) =>
    contents.bags.flatMap((bag, position) => {
      if (bag.kind !== 'certificate') return [];
      // What cannot be read is nobody's leaf and nobody's issuer, and stays where it is.
      const read = ifReadable(() => ({ facts: readCertificate(bag.der), publicKeyBits: publicKeyBitsOf(bag.der) }));
      return read ? [{ bag, contents, position, ...read }] : [];
    }),
  );
}

/** The certificate of a key: of several with its public key the one with its name, else with its localKeyId. */
function leafOf(key: KeyBag, candidates: Candidate[]): Candidate | undefined {
  const alias = key.alias?.toLowerCase();
  const isNamed = ({ bag }: Candidate) => alias !== undefined && bag.alias?.toLowerCase() === alias;
  const hasId = ({ bag }: Candidate) => key.localKeyId !== undefined && bag.localKeyId === key.localKeyId;
  const free = candidates.filter(({ bag }) => !bag.trusted);
  if (key.kind === 'locked') return free.find(hasId) ?? free.find(isNamed);
  const fitting = [...free, ...candidates].filter((one) => one.publicKeyBits === key.key.publicKeyBitsSha256);
  return (
    fitting.find((one) => isNamed(one) && hasId(one)) ?? fitting.find(isNamed) ?? fitting.find(hasId) ?? fitting[0]
  );
}

/** The bags of a leaf's issuers: each time the nearest behind in the same contents, as every writer lays a chain down. */
function chainOf(leaf: Candidate, all: Candidate[], leaves: Set<CertificateBag>): Candidate[] {
  const chain = [leaf];
  for (let last = leaf; !last.facts.selfIssued && chain.length < MAX_CHAIN_LENGTH;) {
    const far = (one: Candidate): number => {
      const ownEntry = one.bag.trusted || leaves.has(one.bag) ? 4 : 0;
      const elsewhere = one.contents !== last.contents ? 2 : one.position < last.position ? 1 : 0;
      return ownEntry + elsewhere;
    };
    const issuers = all.filter(
      (one) => one.facts.subject === last.facts.issuer && !chain.includes(one) && isSignedBy(last.bag.der, one.bag.der),
    );
    const [issuer] = issuers.toSorted((a, b) => far(a) - far(b));
    if (!issuer) break;
    chain.push(issuer);
    last = issuer;
  }
  return chain.slice(1);
}
