import type { KeyObject } from 'node:crypto';
import { isSignedWith, readVerifyingKey, type CertificateFacts } from './certificate.ts';

/** The most links a chain is followed. */
export const MAX_CHAIN_LENGTH = 10;
/** What the signatures that are checked to order one container may cost, in microseconds as `checkCost` reckons them. */
export const MAX_SIGNATURE_COST = 400_000;

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
    ambiguities.push('There are more signatures to check than a container may cost: what is beyond stays unordered.');
  return { chains, ambiguities };
}

/** For each certificate the positions of those whose key signed it; none for one that is self-issued. */
function findIssuers(list: readonly ChainedCertificate[]): { issuersOf: number[][]; complete: boolean } {
  const bySubject = Map.groupBy(distinct(list, [...list.keys()]), (position) => list[position]!.facts.subject);
  const keys = new Map<number, KeyObject | undefined>();
  const keyOf = (position: number): KeyObject | undefined => {
    if (!keys.has(position)) keys.set(position, readVerifyingKey(list[position]!.der));
    return keys.get(position);
  };
  let cost = 0;
  const issuersOf = list.map(({ der, facts }, position) => {
    if (facts.selfIssued) return [];
    return (bySubject.get(facts.issuer) ?? []).filter((candidate) => {
      if (candidate === position || !keyIdentifiersFit(facts, list[candidate]!.facts)) return false;
      cost += checkCost(list[candidate]!.facts);
      return cost <= MAX_SIGNATURE_COST && isSignedWith(der, keyOf(candidate));
    });
  });
  return { issuersOf, complete: cost <= MAX_SIGNATURE_COST };
}

/** Positions from which a self-issued certificate is reached. */
function findRooted(list: readonly ChainedCertificate[], issuersOf: number[][]): Set<number> {
  const issued = list.map((): number[] => []);
  for (const [position, issuers] of issuersOf.entries()) for (const issuer of issuers) issued[issuer]!.push(position);
  const rooted = new Set([...list.keys()].filter((position) => list[position]!.facts.selfIssued));
  for (const position of rooted) for (const below of issued[position]!) rooted.add(below);
  return rooted;
}

/** Reading a certificate, then what OpenSSL takes for the algorithm: RSA by the square of its size, a curve by the cube but for the one it is made for. */
function checkCost({ keyAlgorithm, keySize, curve }: CertificateFacts): number {
  if (keyAlgorithm === 'RSA' || keyAlgorithm === 'RSA-PSS') return 150 + 30 * (keySize / 2048) ** 2;
  if (curve === 'P-256') return 210;
  if (keyAlgorithm === 'EC') return 150 + 300 * (keySize / 256) ** 3;
  return keyAlgorithm.startsWith('Ed') ? 300 : 5_000;
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
function distinct(list: readonly ChainedCertificate[], positions: number[]): number[] {
  const seen = new Set<string>();
  return positions.filter((position) => {
    const { fingerprintSha256 } = list[position]!.facts;
    return !seen.has(fingerprintSha256) && seen.add(fingerprintSha256);
  });
}
