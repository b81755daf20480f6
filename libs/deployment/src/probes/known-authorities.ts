import type { inventoryV1 } from '@certferry/contracts';
import type { Client } from '@certferry/rpc';
import { ifReadable, isSignedBy, readCertificate, readPem } from '@certferry/x509';
import { isRead, type KnownIssuer, type ServedCertificate } from './probe.ts';

/** Longer than any name that is meant to be read, and short enough for a filter. */
const MAX_NAME_CHARACTERS = 2_000;
const MAX_CANDIDATES = 100;

/** The authorities that servers are trusted by here, and the certificates of the inventory. */
export class KnownAuthorities {
  readonly #certificates: Client<typeof inventoryV1.CertificateServiceDefinition>;
  readonly #ca: readonly string[];
  #roots: Map<string, Uint8Array[]> | undefined;

  /** `ca` is PEM. */
  constructor(certificates: Client<typeof inventoryV1.CertificateServiceDefinition>, ca: readonly string[]) {
    this.#certificates = certificates;
    this.#ca = ca;
  }

  /** Who issued a certificate, found by name and signature. */
  async issuerOf(served: ServedCertificate): Promise<KnownIssuer | undefined> {
    if (!isRead(served) || served.facts.issuer.length > MAX_NAME_CHARACTERS) return undefined;
    const { issuer } = served.facts;
    this.#roots ??= readRoots(this.#ca);
    if (this.#roots.get(issuer)?.some((root) => isSignedBy(served.der, root))) return 'root';
    const filter = `DN -eq ${quote(issuer)}`;
    const { items } = await this.#certificates.listCertificates({ filter, limit: MAX_CANDIDATES, includeDer: true });
    const issuers = (items ?? []).filter((one) => isSignedBy(served.der, one.der));
    if (issuers.length === 0) return undefined;
    return issuers.some((one) => one.facts!.selfIssued) ? 'root' : 'intermediate';
  }

  /** Ids of the inventory by fingerprint, of those that it has. */
  async idsOf(served: ServedCertificate[]): Promise<Map<string, string>> {
    const fingerprints = [...new Set(served.map((one) => one.fingerprintSha256))].slice(0, MAX_CANDIDATES);
    const filter = fingerprints.map((one) => `Fingerprint -eq ${quote(one)}`).join(' OR ');
    const { items } = await this.#certificates.listCertificates({ filter, limit: MAX_CANDIDATES });
    return new Map((items ?? []).map(({ id, facts }) => [facts!.fingerprintSha256, id]));
  }
}

/** A value of a filter, whatever a server wrote into its certificate. */
const quote = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;

function readRoots(ca: readonly string[]): Map<string, Uint8Array[]> {
  const certificates = ca
    .flatMap((pem) => ifReadable(() => readPem(Buffer.from(pem))) ?? [])
    .flatMap(({ label, bytes }) => (label === 'CERTIFICATE' && bytes ? [bytes] : []));
  const roots = certificates.flatMap((der) => {
    const facts = ifReadable(() => readCertificate(der));
    return facts ? [{ der, subject: facts.subject }] : [];
  });
  return new Map(
    [...Map.groupBy(roots, ({ subject }) => subject)].map(([subject, all]) => [subject, all.map(({ der }) => der)]),
  );
}
