import { context, DerReader, readName, readSubjectPublicKey, TAG, ifReadable } from '@certferry/x509';
import { emptyContainer } from '../container.ts';
import type { Format } from './format.ts';

/** A certificate request or a revocation list in DER: recognised and described, not kept. */
export const request: Format = {
  detect: (content) => isRequest(content) || isCrl(content),
  needsSandbox: () => false,
  read(content) {
    const container = emptyContainer('DER');
    container.notices.push(isRequest(content) ? describeRequest(content) : describeCrl(content));
    return container;
  },
};

/** CertificationRequestInfo (RFC 2986 section 4.1): version 0, name, key, [0]. */
function isRequest(content: Uint8Array): boolean {
  return (
    ifReadable(() => {
      const info = new DerReader(content, 'request').enter(TAG.sequence).enter(TAG.sequence);
      if (info.integer() !== 0) return false;
      info.next(TAG.sequence);
      info.next(TAG.sequence);
      return info.peek() === context(0);
    }) ?? false
  );
}

/** TBSCertList (RFC 5280 section 5.1): perhaps a version, algorithm, issuer, then a time. */
function isCrl(content: Uint8Array): boolean {
  return (
    ifReadable(() => {
      const list = new DerReader(content, 'CRL').enter(TAG.sequence).enter(TAG.sequence);
      if (list.peek() === TAG.integer && list.integer() !== 1) return false;
      list.next(TAG.sequence);
      list.next(TAG.sequence);
      return list.peek() === TAG.utcTime || list.peek() === TAG.generalizedTime;
    }) ?? false
  );
}

/** A sentence on a certificate request. Throws X509Error. */
export function describeRequest(der: Uint8Array): string {
  const info = new DerReader(der, 'certificate request').enter(TAG.sequence).enter(TAG.sequence);
  info.integer();
  const subject = readName(info.enter(TAG.sequence)).text;
  info.next(TAG.sequence);
  const { keyAlgorithm, keySize, curve } = readSubjectPublicKey(info.raw());
  return `A certificate request for "${subject}" (${keyAlgorithm} ${curve || keySize}) was passed over: import the certificate that its CA makes.`;
}

/** A sentence on a certificate revocation list. Throws X509Error. */
export function describeCrl(der: Uint8Array): string {
  const list = new DerReader(der, 'CRL').enter(TAG.sequence).enter(TAG.sequence);
  if (list.peek() === TAG.integer) list.next();
  list.next(TAG.sequence);
  const issuer = readName(list.enter(TAG.sequence)).text;
  return `A certificate revocation list of "${issuer}" was passed over.`;
}
