import type { CertificateFacts } from './certificate.ts';
import { findIssuers, nameAndKey, type FoundIssuers, type Issuer } from './issuers.ts';

/** The most links a chain is followed. */
export const MAX_CHAIN_LENGTH = 10;
/** So many further certificates of its issuers are named with a chain. */
const MAX_CROSS_SIGNED = 20;

export interface ChainedCertificate {
  der: Uint8Array;
  facts: CertificateFacts;
  /** Whether its private key is there too. */
  hasKey: boolean;
}

/** Positions in the list that was ordered. */
export interface Chain {
  /** Leaf first, each issued by the next. */
  certificates: number[];
  /** Further certificates of these issuers: the same name and key, another issuer or validity. */
  crossSigned: number[];
}

export interface OrderedChains {
  /** One for each certificate that issued no other; those with a key first, then in the order of the list. */
  chains: Chain[];
  /** What is ambiguous, in sentences that call certificates by `index`. */
  ambiguities: string[];
}

/**
 * Orders certificates by issuer name, key identifiers and signature (RFC 5280 section 6.1, RFC 4158 section 3.2). Where
 * one issuer has several certificates the chain goes over the one that leads on to a root in the list, else over the one
 * that is valid longest. `index` says how a position is called in the sentences.
 */
export function orderChains(
  list: readonly ChainedCertificate[],
  index = (position: number) => position,
): OrderedChains {
  if (list.length === 1) return { chains: [{ certificates: [0], crossSigned: [] }], ambiguities: [] };
  const positions = distinct(list);
  const found = findIssuers(list, positions);
  const issuing = new Set(found.issuersOf.flat());
  // A certificate that issued others, as in a CA's own keystore, has its chain all the same when its key is there.
  const starts = positions.filter((position) => list[position]!.hasKey || !issuing.has(found.issuerAt.get(position)!));
  const graph = { list, issuersOf: found.issuersOf, compare: sortByPreference(list, found) };
  const followed = starts
    .toSorted((a, b) => Number(list[b]!.hasKey) - Number(list[a]!.hasKey))
    .map((start) => follow(graph, start));
  const ambiguities = findAmbiguities(list, { starts, index });
  if (followed.some(({ more }) => more))
    ambiguities.push(`An issuer has more than ${MAX_CROSS_SIGNED} further certificates: the first of them are named.`);
  if (!found.complete)
    ambiguities.push('There are more signatures to check than a container may cost: what is beyond stays unordered.');
  return { chains: followed.map(({ chain }) => chain), ambiguities };
}

/** Sorts of each issuer first the certificates that lead on to a root, then those that are valid longest; answers that order. */
function sortByPreference(list: readonly ChainedCertificate[], found: FoundIssuers): Graph['compare'] {
  const rooted = findRooted(list, found);
  const preference = (one: number) => (rooted.has(one) ? 1e15 : 0) + list[one]!.facts.notAfter.getTime();
  const compare = (a: number, b: number) => preference(b) - preference(a);
  for (const { positions } of new Set(found.issuerAt.values())) positions.sort(compare);
  return compare;
}

/** Positions from which a self-issued certificate is reached. */
function findRooted(list: readonly ChainedCertificate[], { issuersOf, issuerAt }: FoundIssuers): Set<number> {
  const links = issuersOf.flatMap((issuers, position) => issuers.map((issuer) => ({ issuer, position })));
  const below = Map.groupBy(links, ({ issuer }) => issuer);
  const rooted = new Set([...issuerAt.keys()].filter((position) => list[position]!.facts.selfIssued));
  const reached = new Set<Issuer>();
  for (const position of rooted) {
    const issuer = issuerAt.get(position)!;
    if (reached.has(issuer)) continue;
    reached.add(issuer);
    for (const { position: one } of below.get(issuer) ?? []) if (issuerAt.has(one)) rooted.add(one);
  }
  return rooted;
}

interface Graph {
  list: readonly ChainedCertificate[];
  issuersOf: Issuer[][];
  /** Which of an issuer's certificates a chain goes over first. */
  compare: (a: number, b: number) => number;
}

/** An issuer comes once in a chain (RFC 4158 section 5.2), whichever of its certificates it is. */
function follow({ list, issuersOf, compare }: Graph, start: number): { chain: Chain; more: boolean } {
  const seen = new Set([nameAndKey(list[start]!.facts)]);
  const certificates = [start];
  const crossSigned: number[] = [];
  let more = false;
  while (certificates.length <= MAX_CHAIN_LENGTH) {
    const issuers = issuersOf[certificates.at(-1)!]!.filter((issuer) => !seen.has(issuer.nameAndKey));
    const first = issuers.flatMap(({ positions }) => positions.slice(0, MAX_CROSS_SIGNED + 2));
    const [best, ...others] = issuers.length > 1 ? first.sort(compare) : first;
    if (best === undefined) break;
    for (const issuer of issuers) seen.add(issuer.nameAndKey);
    certificates.push(best);
    const room = MAX_CROSS_SIGNED - crossSigned.length;
    crossSigned.push(...others.slice(0, room));
    more ||= others.length > room;
  }
  return { chain: { certificates, crossSigned }, more };
}

/** So many certificates are named in a sentence. */
const MAX_NAMED = 10;

function findAmbiguities(
  list: readonly ChainedCertificate[],
  { starts, index }: { starts: number[]; index: (position: number) => number },
): string[] {
  const names = (positions: number[]) => {
    const more = positions.length - MAX_NAMED;
    const named = positions.slice(0, MAX_NAMED).map(index).join(', ');
    return more > 0 ? `${named} and ${more} more` : named.replace(/, (\d+)$/, ' and $1');
  };
  const withKey = starts.filter((position) => list[position]!.hasKey);
  const found = [...Map.groupBy(withKey, (position) => list[position]!.facts.publicKeySha256).values()]
    .filter((positions) => positions.length > 1)
    .map((positions) => `One private key fits the certificates ${names(positions)}: each of them has it.`);
  const leaves = starts.filter((position) => !list[position]!.facts.selfIssued);
  if (withKey.length === 0 && leaves.length > 1 && leaves.length < list.length)
    found.push(`Without a private key nothing says which is the leaf: each of ${names(leaves)} begins a chain.`);
  return found;
}

/** The positions without those of a certificate that is there a second time. */
function distinct(list: readonly ChainedCertificate[]): number[] {
  const seen = new Set<string>();
  return [...list.keys()].filter((position) => {
    const { fingerprintSha256 } = list[position]!.facts;
    return !seen.has(fingerprintSha256) && seen.add(fingerprintSha256);
  });
}
