import { parserV1 } from '@certferry/contracts';
import type { CertificateFacts } from '@certferry/x509';
import type { Description } from '../certificates/certificate.ts';
import type { ImportChain } from './import.ts';

/** A certificate that came in, with its key where it brought one. */
export interface Arrival {
  index: number;
  issuer: boolean;
  der: Uint8Array;
  facts: CertificateFacts;
  privateKey?: Uint8Array;
  description: Description;
  /** Fingerprints of those in its container that have its issuer's name. */
  cameWith?: string[];
  /** The name that a container gives it: the friendlyName of PKCS#12, the alias of a Java keystore. */
  alias?: string;
}

/** Of one name in one container; whoever sends more has no chain in mind. */
const MAX_CAME_WITH = 10;

/** A description is given to the leaves: those that are nobody's issuer in the container. */
export function toArrivals(
  { certificates }: parserV1.InspectResponse,
  privateKeys: Uint8Array[],
  { name, notes, metadata, tags }: Description,
): Arrival[] {
  const issuers = new Set(certificates.flatMap(({ facts }) => (facts!.selfIssued ? [] : [facts!.issuer])));
  const bySubject = new Map<string, string[]>();
  for (const { facts } of certificates) {
    if (!issuers.has(facts!.subject)) continue;
    bySubject.set(facts!.subject, [...(bySubject.get(facts!.subject) ?? []), facts!.fingerprintSha256]);
  }
  return certificates.map(({ index, der, facts, key, alias }) => {
    const issuer = issuers.has(facts!.subject);
    const cameWith = facts!.selfIssued ? undefined : bySubject.get(facts!.issuer)?.slice(0, MAX_CAME_WITH);
    return {
      index,
      issuer,
      der,
      // Read once, by the parser; the wire only makes present fields optional.
      facts: facts as CertificateFacts,
      privateKey: key === undefined ? undefined : privateKeys[key],
      alias,
      cameWith,
      description: issuer ? {} : { name, notes, metadata, tags },
    };
  });
}

/** How the certificates belong together, by the index that their items have. */
export function toChains({ chains, certificates }: parserV1.InspectResponse): ImportChain[] {
  const index = (position: number) => certificates[position]!.index;
  return chains.map((chain) => ({
    indexes: chain.certificates.map(index),
    crossSigned: chain.crossSigned.map(index),
  }));
}

/** Of a PEM file the first certificate, or why that cannot be read; other formats as they are. */
export function firstOfPem(found: parserV1.InspectResponse): parserV1.InspectResponse {
  if (found.format !== parserV1.ContainerFormat.PEM) return found;
  const isCertificate = ({ what }: parserV1.Failure) => what.endsWith('CERTIFICATE');
  const [certificate] = found.certificates;
  const failure = found.failures.find((one) => isCertificate(one) && one.index < (certificate?.index ?? Infinity));
  const certificates = certificate && !failure ? [{ ...certificate, key: undefined }] : [];
  const chains = certificates.map((_, position) => ({ certificates: [position], crossSigned: [] }));
  return { ...found, certificates, chains, keys: [], failures: failure ? [failure] : [] };
}

/** The file of an archive that an item was in, by the item's index. */
export function filesOf({ certificates, keys, failures }: parserV1.InspectResponse): Map<number, string> {
  const entries = [...certificates, ...keys, ...failures];
  return new Map(entries.flatMap(({ index, file }) => (file === undefined ? [] : [[index, file] as const])));
}
