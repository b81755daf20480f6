import { isSignedBy, MAX_CHAIN_LENGTH } from '@certferry/x509';
import type { Certificate } from './certificate.ts';
import type { Certificates } from './certificates.ts';

/** The issuers of a certificate that the inventory knows, nearest first, without itself. */
export async function resolveChain(certificates: Certificates, leaf: Certificate): Promise<Certificate[]> {
  const chain: Certificate[] = [];
  for (let last = leaf; !last.facts.selfIssued && chain.length < MAX_CHAIN_LENGTH;) {
    const issuer = await findIssuer(certificates, last);
    if (!issuer || issuer._id === leaf._id || chain.some((link) => link._id === issuer._id)) break;
    chain.push(issuer);
    last = issuer;
  }
  return chain;
}

/** By name and key identifier, then by signature; of several the one that it came with, else the one that is valid longest. */
async function findIssuer(certificates: Certificates, of: Certificate): Promise<Certificate | undefined> {
  const wanted = of.facts.authorityKeyIdentifier;
  const candidates = (await certificates.findBySubject(of.facts.issuer)).filter(
    ({ facts }) => !wanted || !facts.subjectKeyIdentifier || facts.subjectKeyIdentifier === wanted,
  );
  const cameWith = ({ fingerprintSha256 }: Certificate): number => (of.cameWith?.includes(fingerprintSha256) ? 1 : 0);
  const byEnd = candidates.sort(
    (a, b) => cameWith(b) - cameWith(a) || b.facts.notAfter.getTime() - a.facts.notAfter.getTime(),
  );
  return byEnd.find((candidate) => isSignedBy(of.der, candidate.der));
}
