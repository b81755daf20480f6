import { findOddities, type CertificateFacts } from '@certferry/x509';
import { coveredNames, sharesName, type NamedCertificate } from './covered-names.ts';
import type { Finding } from './finding.ts';
import type { Policy, Rule } from './policy.ts';

/** What stands in the place that a certificate is written to. */
export type HeldFacts = NamedCertificate &
  Pick<CertificateFacts, 'fingerprintSha256'> & { basicConstraints?: { certificateAuthority: boolean } };

/** A certificate as it is to be written. */
export interface Candidate {
  certificate: CertificateFacts;
  /** Issuers, nearest first. */
  chain: CertificateFacts[];
  held: HeldFacts | undefined;
}

type Found = Pick<Finding, 'message'> & { rule: Rule };

const RULE_OF: Record<string, Rule> = {
  EXPIRED: 'expired',
  NOT_YET_VALID: 'notYetValid',
  WEAK_KEY: 'weak',
  WEAK_SIGNATURE: 'weak',
};
/** Of so many names a sentence tells. */
const TOLD_NAMES = 3;

/** What a policy has to say of a certificate, rule by rule. */
export function judgeCertificate(candidate: Candidate, { policy, now }: { policy: Policy; now: Date }): Finding[] {
  const { certificate, chain } = candidate;
  const found: Found[] = [
    ...oddities(certificate, now),
    ...findGap(candidate),
    ...chain.flatMap((issuer) =>
      oddities(issuer, now).map(({ rule, message }): Found => ({
        rule: rule === 'weak' ? 'weak' : 'chain',
        message: `Of its issuer ${issuer.subject}: ${message}`,
      })),
    ),
    ...findOtherNames(candidate),
  ];
  return found.flatMap((one): Finding[] => {
    const severity = policy[one.rule];
    return severity === 'allow' ? [] : [{ rule: one.rule, severity, message: one.message }];
  });
}

const oddities = (facts: CertificateFacts, now: Date): Found[] =>
  findOddities(facts, now).flatMap(({ code, message }) => {
    const rule = RULE_OF[code];
    return rule ? [{ rule, message }] : [];
  });

const isAuthority = ({ basicConstraints }: Pick<HeldFacts, 'basicConstraints'>): boolean =>
  basicConstraints?.certificateAuthority === true;

/** A certificate authority's own certificate is an anchor and needs no issuer. */
function findGap({ certificate, chain }: Candidate): Found[] {
  if (isAuthority(certificate) || chain.length > 0) return [];
  const message = certificate.selfIssued
    ? 'It is self-signed: only who was told to trusts it.'
    : `The inventory does not have its issuer ${certificate.issuer}: it would be written without its chain. Import the issuer.`;
  return [{ rule: 'chain', message }];
}

/** One authority may take the place of another: an anchor is for no name. */
function findOtherNames({ certificate, held }: Candidate): Found[] {
  if (!held || held.fingerprintSha256 === certificate.fingerprintSha256) return [];
  if (isAuthority(certificate) && isAuthority(held)) return [];
  const old = coveredNames(held);
  if (old.length === 0 || sharesName(certificate, held)) return [];
  const message = `It covers none of the names of the one that it replaces (${tell(old)}), but ${tell(coveredNames(certificate))}.`;
  return [{ rule: 'names', message }];
}

function tell(names: string[]): string {
  if (names.length === 0) return 'no name';
  const more = names.length > TOLD_NAMES ? ` and ${names.length - TOLD_NAMES} more` : '';
  return names.slice(0, TOLD_NAMES).join(', ') + more;
}
