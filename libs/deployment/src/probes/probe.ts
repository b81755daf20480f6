import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Served } from '@certferry/outbound';
import {
  findOddities,
  ifReadable,
  isSignedBy,
  orderChains,
  readCertificate,
  type CertificateFacts,
  type Finding,
} from '@certferry/x509';
import { fingerprintOf } from './fingerprint.ts';

export interface ServedCertificate {
  der: Buffer;
  fingerprintSha256: string;
  /** Absent when it cannot be read. */
  facts?: CertificateFacts;
}

export interface ProbeFinding {
  code:
    | Finding['code']
    | 'UNREADABLE'
    | 'SELF_SIGNED'
    | 'INCOMPLETE_CHAIN'
    | 'UNKNOWN_ROOT'
    | 'CHAIN_NOT_IN_ORDER'
    | 'NAME_MISMATCH';
  message: string;
  /** Of which of the certificates, counted from 0. */
  index: number;
}

/** A certificate that issued one that was served, and was not served itself: a root, or another. */
export type KnownIssuer = 'root' | 'intermediate';
type ReadCertificate = ServedCertificate & { facts: CertificateFacts };

export const isRead = (one: ServedCertificate | undefined): one is ReadCertificate => one?.facts !== undefined;

export const readServed = ({ certificates }: Pick<Served, 'certificates'>): ServedCertificate[] =>
  certificates.map((der) => ({
    der,
    fingerprintSha256: fingerprintOf(der),
    facts: ifReadable(() => readCertificate(der)),
  }));

/** Positions of the leaf and its issuers as far as they were sent, each issued by the next; the leaf is the first certificate. */
export function servedPath(served: ServedCertificate[]): number[] {
  const readable = served.flatMap((one, position) => (isRead(one) ? [{ ...one, position }] : []));
  if (readable[0]?.position !== 0) return [];
  // A chain begins where a key is, whatever else was sent.
  const { chains } = orderChains(readable.map((one, index) => ({ ...one, hasKey: index === 0 })));
  return chains[0]!.certificates.map((index) => readable[index]!.position);
}

/** Whether its subject alternative names cover a name, or an address (RFC 9525); common names are not looked at. */
export function coversName(der: Uint8Array, name: string): boolean {
  try {
    const certificate = new X509Certificate(der);
    if (isIP(name)) return certificate.checkIP(name) !== undefined;
    return certificate.checkHost(name, { subject: 'never', partialWildcards: false }) !== undefined;
  } catch {
    return false;
  }
}

/** What is wrong with what is served to who asks for `serverName`; `issuer` is what is known of the issuer of the path's end. */
export function findInServed(
  served: ServedCertificate[],
  { serverName, now, issuer }: { serverName: string; now: Date; issuer: KnownIssuer | undefined },
): ProbeFinding[] {
  const [leaf] = served;
  const unreadable = served.flatMap((one, index) =>
    isRead(one) ? [] : [{ code: 'UNREADABLE' as const, message: 'It cannot be read as a certificate.', index }],
  );
  if (!isRead(leaf)) return unreadable;
  const path = servedPath(served);
  const names = leaf.facts.subjectAlternativeNames.map(({ value }) => value).slice(0, 10);
  const mismatch: ProbeFinding = {
    code: 'NAME_MISMATCH',
    message: `It is for ${names.join(', ') || 'no name'}, not for ${serverName}.`,
    index: 0,
  };
  return [
    ...findOddities(leaf.facts, now).map((finding) => ({ ...finding, index: 0 })),
    ...(coversName(leaf.der, serverName) ? [] : [mismatch]),
    ...findInChain(served, path, issuer),
    ...path.slice(1).flatMap((index) => datesOf(served[index]!, { index, now })),
    ...unreadable,
  ];
}

function findInChain(served: ServedCertificate[], path: number[], issuer: KnownIssuer | undefined): ProbeFinding[] {
  const index = path.at(-1)!;
  const end = served[index] as ReadCertificate;
  const found: ProbeFinding[] = [];
  if (path.length === 1 && isSignedBy(end.der, end.der))
    found.push({ code: 'SELF_SIGNED', message: 'It is signed with its own key.', index });
  else if (!end.facts.selfIssued && issuer !== 'root') {
    const missing = `the certificate of its issuer, ${end.facts.issuer}, was not sent`;
    // Roots need not be sent, and a private one may be unknown here.
    if (issuer === 'intermediate' || path.length === 1)
      found.push({ code: 'INCOMPLETE_CHAIN', message: `The chain ends too early: ${missing}.`, index });
    else
      found.push({
        code: 'UNKNOWN_ROOT',
        message: `${missing.replace('the', 'The')} and is not known here: it may be a root of your own.`,
        index,
      });
  }
  if (path.some((position, place) => position !== place))
    found.push({
      code: 'CHAIN_NOT_IN_ORDER',
      message: 'The certificates are not sent in the order of their chain: old clients refuse that.',
      index: path.find((position, place) => position !== place)!,
    });
  return found;
}

function datesOf({ facts }: ServedCertificate, { index, now }: { index: number; now: Date }): ProbeFinding[] {
  return findOddities(facts!, now)
    .filter(({ code }) => code === 'EXPIRED' || code === 'NOT_YET_VALID')
    .map(({ code, message }) => ({ code, message: `${facts!.subject}: ${message}`, index }));
}

const DAY_MS = 86_400_000;

/** Whole days, negative afterwards. */
export const daysLeft = ({ notAfter }: CertificateFacts, now: Date): number =>
  Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS);
