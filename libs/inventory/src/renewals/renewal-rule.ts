import { hash } from 'node:crypto';
import type { CertificateFacts } from '@certferry/x509';

/** So much of a certificate as it takes to see what it replaces. */
export interface Replaceable {
  _id: string;
  facts: CertificateFacts;
}

/** What certificates that may replace each other have in common: one of these two. */
export interface RenewalKeys {
  /** Of the alternative names, without order and case; of the subject where there are none, with the issuer of a CA. */
  names: string;
  /** Of subject and issuer. None of a CA, whose names they are, and without a subject (RFC 5280 section 4.1.2.6). */
  subject?: string;
}

const isAuthority = (facts: CertificateFacts): boolean => facts.basicConstraints?.certificateAuthority ?? false;

const digest = (parts: string[]): string => hash('sha256', parts.join('\n').toLowerCase()).slice(0, 32);

const namesOf = ({ subjectAlternativeNames }: CertificateFacts): string[] => [
  ...new Set(subjectAlternativeNames.map(({ type, value }) => `${type}:${value.replace(/\.$/, '')}`.toLowerCase())),
];

/** What to look for its predecessors and successors by. */
export function renewalKeys(facts: CertificateFacts): RenewalKeys {
  const { subject, issuer, fingerprintSha256 } = facts;
  // Cross certificates have one subject and several issuers, and do not replace each other.
  if (isAuthority(facts)) return { names: digest(['authority', subject, issuer]) };
  const names = namesOf(facts).sort();
  if (names.length === 0) names.push(subject === '' ? fingerprintSha256 : `subject:${subject}`);
  else names.push(`${facts.droppedNames}`);
  return { names: digest(names), ...(subject !== '' && { subject: digest([subject, issuer]) }) };
}

/**
 * Whether a certificate is the renewal of another: the same names, or the same subject and issuer and a name in
 * common; issued later and not expiring earlier; for the same purpose. One of another kind of key only in the second
 * half of the other's life: servers are given an RSA and an EC certificate at the same time.
 */
export function isRenewalOf(newer: Replaceable, older: Replaceable): boolean {
  const [{ facts: to }, { facts: from }] = [newer, older];
  return (
    newer._id !== older._id &&
    isNewer(to, from) &&
    isAuthority(to) === isAuthority(from) &&
    haveCommonUsage(to, from) &&
    isOfSameName(to, from) &&
    (to.keyAlgorithm === from.keyAlgorithm || to.notBefore.getTime() >= halfLife(from))
  );
}

/** What a certificate replaces, of those that it could: the newest. */
export const predecessorOf = <T extends Replaceable>(certificate: T, candidates: readonly T[]): T | undefined =>
  newestOf(candidates.filter((one) => isRenewalOf(certificate, one)));

/** The one that was issued last; of one moment the one that lasts longest. */
export const newestOf = <T extends Replaceable>(certificates: readonly T[]): T | undefined =>
  [...certificates].sort(byAge).at(-1);

/** The oldest first, in an order that does not depend on the one they came in. */
export const byAge = ({ _id: id, facts: a }: Replaceable, { _id: other, facts: b }: Replaceable): number =>
  a.notBefore.getTime() - b.notBefore.getTime() || a.notAfter.getTime() - b.notAfter.getTime() || (id < other ? -1 : 1);

function isNewer(to: CertificateFacts, from: CertificateFacts): boolean {
  const [began, ends] = [
    to.notBefore.getTime() - from.notBefore.getTime(),
    to.notAfter.getTime() - from.notAfter.getTime(),
  ];
  return began >= 0 && ends >= 0 && began + ends > 0;
}

function isOfSameName(to: CertificateFacts, from: CertificateFacts): boolean {
  const [a, b] = [renewalKeys(to), renewalKeys(from)];
  if (a.names === b.names) return true;
  if (a.subject === undefined || a.subject !== b.subject) return false;
  // An organization's certificates may all have its name alone as subject.
  const [own, others] = [withCommonName(to), withCommonName(from)];
  return own.size === 0 || [...own].some((name) => others.has(name));
}

/** A common name counts as the DNS name that it was before there were alternative names. */
const withCommonName = (facts: CertificateFacts): Set<string> =>
  new Set([...namesOf(facts), ...(facts.commonName ? [`dns:${facts.commonName.toLowerCase()}`] : [])]);

function haveCommonUsage(
  { extendedKeyUsages: a }: CertificateFacts,
  { extendedKeyUsages: b }: CertificateFacts,
): boolean {
  return a.length === 0 || b.length === 0 || a.some((usage) => b.includes(usage));
}

const halfLife = ({ notBefore, notAfter }: CertificateFacts): number => (notBefore.getTime() + notAfter.getTime()) / 2;
