import { DerReader, context, TAG } from '../der-reader.ts';
import { X509Error } from '../x509-error.ts';
import { EXPLAINERS } from './explainers.ts';

/** One extension of a certificate: as in certferry.common.v1.CertificateExtension. */
export interface CertificateExtension {
  oid: string;
  /** Empty if we know no name for it. */
  name: string;
  critical: boolean;
  /** The DER inside its OCTET STRING. */
  value: Uint8Array;
  /** What it says, a statement each; empty for an unknown or a malformed one. */
  text: string[];
}

/** Every extension of a certificate, in its order, in words. Throws X509Error for what is no certificate. */
export function explainExtensions(der: Uint8Array): CertificateExtension[] {
  const tbs = new DerReader(der, 'certificate').enter(TAG.sequence).enter(TAG.sequence);
  while (!tbs.done && tbs.next().tag !== context(3));
  if (tbs.tag !== context(3)) return [];
  const list = tbs.inside().enter(TAG.sequence);
  const found: CertificateExtension[] = [];
  while (!list.done) {
    const extension = list.enter(TAG.sequence);
    const oid = extension.oid();
    const critical = extension.peek() === TAG.boolean && extension.boolean();
    const value = extension.octets();
    found.push({ oid, name: EXPLAINERS[oid]?.name ?? '', critical, value, text: explain(oid, value) });
  }
  return found;
}

function explain(oid: string, value: Uint8Array): string[] {
  const read = EXPLAINERS[oid]?.read;
  if (!read) return [];
  try {
    return read(new DerReader(value, 'extension'));
  } catch (error) {
    if (error instanceof X509Error) return [];
    throw error;
  }
}
