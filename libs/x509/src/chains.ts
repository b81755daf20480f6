import { isSignedBy, type CertificateFacts } from './certificate.ts';

/** The most links a chain is followed. */
export const MAX_CHAIN_LENGTH = 10;
/** The most signatures that are checked to order one container; above it the rest stays unordered, and that is said. */
export const MAX_SIGNATURE_CHECKS = 2_000;

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
  const { issuersOf, complete } = findIssuers(list);
  const issuing = new Set(issuersOf.flat());
  const positions = distinct(list, [...list.keys()]);
  // A certificate that issued others, as in a CA's own keystore, has its chain all the same when its key is there.
  const starts = positions.filter((position) => list[position]!.hasKey || !issuing.has(position));
  const rooted = findRooted(list, issuersOf);
  const chains = starts
    .toSorted((a, b) => Number(list[b]!.hasKey) - Number(list[a]!.hasKey))
    .map((start) => follow({ list, issuersOf, rooted }, start));
  const ambiguities = findAmbiguities(list, { starts, index });
  if (!complete)
    ambiguities.push(
      `There are more than ${MAX_SIGNATURE_CHECKS} signatures to check: what is beyond stays unordered.`,
    );
  return { chains, ambiguities };
}

/** For each certificate the positions of those whose key signed it; none for one that is self-issued. */
function findIssuers(list: readonly ChainedCertificate[]): { issuersOf: number[][]; complete: boolean } {
  const bySubject = Map.groupBy(distinct(list, [...list.keys()]), (position) => list[position]!.facts.subject);
  let checks = 0;
  const issuersOf = list.map(({ der, facts }, position) => {
    if (facts.selfIssued) return [];
    return (bySubject.get(facts.issuer) ?? []).filter((candidate) => {
      if (candidate === position || !keyIdentifiersFit(facts, list[candidate]!.facts)) return false;
      return ++checks <= MAX_SIGNATURE_CHECKS && isSignedBy(der, list[candidate]!.der);
    });
  });
  return { issuersOf, complete: checks <= MAX_SIGNATURE_CHECKS };
}

/** Positions from which a self-issued certificate is reached. */
function findRooted(list: readonly ChainedCertificate[], issuersOf: number[][]): Set<number> {
  const issued = list.map((): number[] => []);
  for (const [position, issuers] of issuersOf.entries()) for (const issuer of issuers) issued[issuer]!.push(position);
  const rooted = new Set([...list.keys()].filter((position) => list[position]!.facts.selfIssued));
  for (const position of rooted) for (const below of issued[position]!) rooted.add(below);
  return rooted;
}

function keyIdentifiersFit(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  const [wanted, offered] = [certificate.authorityKeyIdentifier, issuer.subjectKeyIdentifier];
  return wanted === '' || offered === '' || wanted === offered;
}

interface Graph {
  list: readonly ChainedCertificate[];
  issuersOf: number[][];
  rooted: Set<number>;
}

function follow({ list, issuersOf, rooted }: Graph, start: number): Chain {
  const certificates = [start];
  const others: number[] = [];
  while (certificates.length <= MAX_CHAIN_LENGTH) {
    const candidates = issuersOf[certificates.at(-1)!]!.filter((one) => !certificates.includes(one));
    if (candidates.length === 0) break;
    const preference = (one: number) => (rooted.has(one) ? 1e15 : 0) + list[one]!.facts.notAfter.getTime();
    const best = candidates.reduce((a, b) => (preference(b) > preference(a) ? b : a));
    certificates.push(best);
    others.push(...candidates.filter((one) => one !== best));
  }
  return { certificates, crossSigned: others.filter((one) => !certificates.includes(one)) };
}

function findAmbiguities(
  list: readonly ChainedCertificate[],
  { starts, index }: { starts: number[]; index: (position: number) => number },
): string[] {
  const names = (positions: number[]) => positions.map(index).join(' and ');
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
function distinct(list: readonly ChainedCertificate[], positions: number[]): number[] {
  const seen = new Set<string>();
  return positions.filter((position) => {
    const { fingerprintSha256 } = list[position]!.facts;
    return !seen.has(fingerprintSha256) && seen.add(fingerprintSha256);
  });
}
