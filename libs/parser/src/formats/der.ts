import {
  context,
  DerReader,
  ifReadable,
  IterationBudget,
  readAnyPrivateKey,
  readCertificate,
  shapeOfKey,
  TAG,
  type KeyShape,
} from '@certferry/x509';
import { emptyContainer } from '../container.ts';
import type { Format } from './format.ts';
import { noticeIterations } from './notices.ts';

/** One DER value: a certificate, or a private key in any of its forms. */
export const der: Format = {
  detect: (content) => shapeOf(content) !== undefined,
  needsSandbox: (content) => shapeOf(content) === 'encrypted',
  read(content, { password }) {
    const container = emptyContainer('DER');
    const shape = shapeOf(content);
    if (shape === 'certificate')
      container.certificates.push({ index: 0, der: content, facts: readCertificate(content), alias: '' });
    else {
      const budget = new IterationBudget();
      const key = readAnyPrivateKey(content, password, budget);
      container.keys.push({ index: 0, key, encrypted: shape === 'encrypted', alias: '' });
      noticeIterations(container, budget.spent);
    }
    return container;
  },
};

/** A certificate's first value is its own SEQUENCE, which begins with a version or a serial number. */
function isCertificate(content: Uint8Array): boolean {
  return (
    ifReadable(() => {
      const tbs = new DerReader(content, 'container').enter(TAG.sequence).enter(TAG.sequence);
      return tbs.peek() === TAG.integer || tbs.peek() === context(0);
    }) ?? false
  );
}

function shapeOf(content: Uint8Array): KeyShape | 'certificate' | undefined {
  return shapeOfKey(content) ?? (isCertificate(content) ? 'certificate' : undefined);
}
