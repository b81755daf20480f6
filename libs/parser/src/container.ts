import {
  orderChains,
  publicKeyBitsOf,
  readCertificate,
  X509Error,
  type CertificateFacts,
  type Chain,
  type PrivateKey,
} from '@certferry/x509';

/** Everything that was found in one file, in its order. `index` counts over certificates, keys and failures. */
export interface Container {
  format: 'PEM' | 'DER' | 'PKCS12' | 'PKCS7' | 'JKS' | 'JCEKS' | 'BKS' | 'ZIP' | 'TAR';
  certificates: ContainedCertificate[];
  keys: ContainedKey[];
  failures: ContainedFailure[];
  notices: string[];
  /** Filled by `orderCertificates`. */
  chains: Chain[];
}

export interface ContainedCertificate {
  index: number;
  der: Uint8Array;
  facts: CertificateFacts;
  alias: string;
  /** A trusted certificate entry of a Java keystore. */
  trusted?: boolean;
  /** Position in `keys` of the key with the same public key. */
  key?: number;
  /** The file of an archive that it was in. */
  file?: string;
}

export interface ContainedKey {
  index: number;
  key: PrivateKey;
  /** Whether the key itself was encrypted. */
  encrypted: boolean;
  alias: string;
  file?: string;
}

export interface ContainedFailure {
  index: number;
  what: string;
  reason: string;
  message: string;
  file?: string;
}

export const emptyContainer = (format: Container['format']): Container => ({
  format,
  certificates: [],
  keys: [],
  failures: [],
  notices: [],
  chains: [],
});

/** Reads a certificate into the container; one that cannot be read fails alone. */
export function addCertificate(container: Container, at: Omit<ContainedCertificate, 'facts' | 'key'>): void {
  try {
    container.certificates.push({ ...at, facts: readCertificate(at.der) });
  } catch (error) {
    if (!(error instanceof X509Error)) throw error;
    container.failures.push({ index: at.index, what: 'CERTIFICATE', reason: error.reason, message: error.message });
  }
}

/** The first index that nothing in the container has. */
export const nextIndex = ({ certificates, keys, failures }: Container): number =>
  [...certificates, ...keys, ...failures].reduce((next, { index }) => Math.max(next, index + 1), 0);

/** Puts what was found behind a container behind what is in it, its indexes from `first` on; answers the next one. */
export function appendContainer(container: Container, part: Container, first: number): number {
  const { certificates, keys, failures, notices } = part;
  const moved = <T extends { index: number }>(one: T): T => ({ ...one, index: one.index + first });
  // One by one: there may be more than a call takes arguments.
  for (const one of certificates) container.certificates.push(moved(one));
  for (const one of keys) container.keys.push(moved(one));
  for (const one of failures) container.failures.push(moved(one));
  for (const notice of notices) container.notices.push(notice);
  return first + nextIndex(part);
}

/** Gives every certificate its key, by the bits of the public key, whatever the order. */
export function pairKeys(container: Container): Container {
  if (container.keys.length === 0) return container;
  const positions = new Map(container.keys.map(({ key }, position) => [key.publicKeyBitsSha256, position]));
  for (const certificate of container.certificates) {
    const position = positions.get(publicKeyBitsOf(certificate.der));
    if (position !== undefined) certificate.key = position;
  }
  return container;
}

/** Works out how the certificates belong together, and says what is ambiguous. Checks signatures. */
export function orderCertificates(container: Container): Container {
  const list = container.certificates.map(({ der, facts, key }) => ({ der, facts, hasKey: key !== undefined }));
  const { chains, ambiguities } = orderChains(list, (position) => container.certificates[position]!.index);
  container.chains = chains;
  container.notices.push(...ambiguities);
  return container;
}

/** Failures that say something of the request, not of one item: they refuse the whole container. */
export function refusesContainer(error: X509Error): boolean {
  return ['PASSWORD_REQUIRED', 'WRONG_PASSWORD', 'LIMIT_EXCEEDED'].includes(error.reason);
}
