import type { KeyObject } from 'node:crypto';
import { readSignature, readVerifyingKey, type CertificateFacts } from './certificate.ts';

/** What the signatures that are checked to order one container may cost, in microseconds as `checkCost` reckons them. */
const MAX_SIGNATURE_COST = 300_000;

/** Certificates of one issuer: the same name, key and key identifier. */
export interface Issuer {
  der: Uint8Array;
  facts: CertificateFacts;
  nameAndKey: string;
  /** In the list that was searched. */
  positions: number[];
}

export interface FoundIssuers {
  /** Of each certificate the issuers whose key made its signature; none for one that is self-issued. */
  issuersOf: Issuer[][];
  /** Of each certificate the issuer that it is. */
  issuerAt: Map<number, Issuer>;
  /** False when there were more signatures to check than may be. */
  complete: boolean;
}

/** What an issuer is, whichever of its certificates says so (RFC 4158 section 5.2). */
export const nameAndKey = ({ subject, publicKeySha256 }: CertificateFacts): string => `${publicKeySha256} ${subject}`;

/** Finds by name, key identifiers and signature who issued whom among the certificates at `positions`. */
export function findIssuers(
  list: readonly { der: Uint8Array; facts: CertificateFacts }[],
  positions: readonly number[],
): FoundIssuers {
  const issuerAt = groupIssuers(list, positions);
  const byName = Map.groupBy(new Set(issuerAt.values()), ({ facts }) => facts.subject);
  const keys = new Map<Issuer, KeyObject | undefined>();
  let cost = 0;
  const keyOf = (issuer: Issuer): KeyObject | undefined => {
    if (!keys.has(issuer)) {
      cost += READING_COST;
      keys.set(issuer, readVerifyingKey(issuer.der));
    }
    return keys.get(issuer);
  };
  const issuersOf = list.map(({ der, facts }) => {
    if (facts.selfIssued || cost > MAX_SIGNATURE_COST) return [];
    const own = nameAndKey(facts);
    // A root may write its two names in different ways, and is its own issuer all the same.
    const candidates = (byName.get(facts.issuer) ?? []).filter(
      (issuer) => issuer.nameAndKey !== own && keyIdentifiersFit(facts, issuer.facts),
    );
    if (candidates.length === 0) return [];
    cost += READING_COST;
    const isSignedWith = readSignature(der);
    return candidates.filter((issuer) => {
      cost += checkCost(issuer.facts);
      return cost <= MAX_SIGNATURE_COST && isSignedWith(keyOf(issuer));
    });
  });
  return { issuersOf, issuerAt, complete: cost <= MAX_SIGNATURE_COST };
}

function groupIssuers(
  list: readonly { der: Uint8Array; facts: CertificateFacts }[],
  positions: readonly number[],
): Map<number, Issuer> {
  const issuers = new Map<string, Issuer>();
  return new Map(
    positions.map((position) => {
      const { der, facts } = list[position]!;
      const own = nameAndKey(facts);
      const identity = `${facts.subjectKeyIdentifier} ${own}`;
      const issuer = issuers.get(identity) ?? { der, facts, nameAndKey: own, positions: [] };
      issuers.set(identity, issuer);
      issuer.positions.push(position);
      return [position, issuer];
    }),
  );
}

/** What node:crypto takes to read a certificate, or the key of one. */
const READING_COST = 50;

/** What OpenSSL takes for the algorithm: RSA by the square of its size, a curve by the cube but for the one it is made for. */
function checkCost({ keyAlgorithm, keySize, curve }: CertificateFacts): number {
  if (keyAlgorithm === 'RSA' || keyAlgorithm === 'RSA-PSS') return 35 * (keySize / 2048) ** 2;
  if (curve === 'P-256') return 100;
  if (keyAlgorithm === 'EC') return 300 * (keySize / 256) ** 3;
  return keyAlgorithm.startsWith('Ed') ? 160 : 5_000;
}

function keyIdentifiersFit(certificate: CertificateFacts, issuer: CertificateFacts): boolean {
  const [wanted, offered] = [certificate.authorityKeyIdentifier, issuer.subjectKeyIdentifier];
  return wanted === '' || offered === '' || wanted === offered;
}
