import { DerReader, ifReadable, readPkcs12, TAG, type SafeBag } from '@certferry/x509';
import { addCertificate, emptyContainer, type Container } from '../container.ts';
import type { Format } from './format.ts';
import { noticeAttributes, noticeIterations } from './notices.ts';

const DATA_TYPES = '1.2.840.113549.1.7.';

/** Bags that hold no certificate and no private key (RFC 7292 section 4.2). */
const BAG_NAMES: Record<string, string> = {
  '1.2.840.113549.1.12.10.1.3': 'certificate bag without an X.509 certificate',
  '1.2.840.113549.1.12.10.1.4': 'CRL bag',
  '1.2.840.113549.1.12.10.1.5': 'secret bag',
};

/** PKCS#12 (RFC 7292). */
export const pkcs12: Format = {
  detect: (content) =>
    ifReadable(() => {
      const pfx = new DerReader(content, 'container').enter(TAG.sequence);
      return pfx.integer() === 3 && pfx.enter(TAG.sequence).oid().startsWith(DATA_TYPES);
    }) ?? false,
  needsSandbox: () => true,
  read(content, { password, keyPassword }) {
    const container = emptyContainer('PKCS12');
    const file = readPkcs12(content, password, keyPassword);
    const bags = file.contents.flatMap((contents) => contents.bags);
    for (const [index, bag] of bags.entries()) readBag(container, bag, index);
    container.notices.push(...file.notices);
    noticeIterations(container, file.iterations);
    return container;
  },
};

function readBag(container: Container, bag: SafeBag, index: number): void {
  const alias = bag.alias ?? '';
  const { otherAttributes } = bag;
  if (otherAttributes && bag.kind !== 'other')
    noticeAttributes(container, { what: bag.kind, alias, attributes: otherAttributes });
  if (bag.kind === 'key') container.keys.push({ index, key: bag.key, encrypted: bag.encrypted, alias });
  else if (bag.kind === 'other')
    container.notices.push(`A ${BAG_NAMES[bag.type] ?? `bag of type ${bag.type}`} was passed over.`);
  else if (bag.kind === 'certificate') addCertificate(container, { index, der: bag.der, alias, trusted: bag.trusted });
}
