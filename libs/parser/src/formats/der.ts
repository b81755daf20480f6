import {
  decryptPrivateKey,
  DerReader,
  IterationBudget,
  readCertificate,
  readPrivateKey,
  TAG,
  X509Error,
  type Password,
} from '@certferry/x509';
import { emptyContainer, type Container } from '../container.ts';
import type { Format } from './format.ts';
import { noticeIterations } from './notices.ts';

type Shape = 'certificate' | 'pkcs8' | 'pkcs1' | 'sec1' | 'encrypted key';

/** One DER value: a certificate, or a private key in any of its forms. */
export const der: Format = {
  detect: (content) => shapeOf(content) !== undefined,
  needsSandbox: (content) => shapeOf(content) === 'encrypted key',
  read(content, { password }) {
    const container = emptyContainer('DER');
    const shape = shapeOf(content);
    if (shape === 'certificate')
      container.certificates.push({ index: 0, der: content, facts: readCertificate(content), alias: '' });
    else if (shape) readKey(container, { content, shape, password });
    return container;
  },
};

function readKey(
  container: Container,
  from: { content: Uint8Array; shape: Exclude<Shape, 'certificate'>; password: Password },
): void {
  const budget = new IterationBudget();
  const encrypted = from.shape === 'encrypted key';
  const key =
    from.shape === 'encrypted key'
      ? decryptPrivateKey(from.content, from.password, budget)
      : readPrivateKey(from.content, from.shape);
  container.keys.push({ index: 0, key, encrypted, alias: '' });
  noticeIterations(container, budget.spent);
}

/** Told apart by the first values inside the outer SEQUENCE. */
function shapeOf(content: Uint8Array): Shape | undefined {
  try {
    const inner = new DerReader(content, 'container').enter(TAG.sequence);
    if (inner.peek() === TAG.sequence) {
      const first = inner.enter(TAG.sequence);
      if (inner.peek() === TAG.octetString) return 'encrypted key';
      return first.peek() === TAG.integer || first.peek() === 0xa0 ? 'certificate' : undefined;
    }
    const version = inner.integer();
    if (inner.peek() === TAG.octetString && version === 1) return 'sec1';
    if (inner.peek() === TAG.integer) return 'pkcs1';
    if (inner.peek() !== TAG.sequence) return undefined;
    inner.next();
    return inner.peek() === TAG.octetString ? 'pkcs8' : undefined;
  } catch (error) {
    if (error instanceof X509Error) return undefined;
    throw error;
  }
}
