import {
  bouncyCastleType,
  isJavaKeystore,
  IterationBudget,
  readBksKeystore,
  readJavaKeystore,
  type JavaKeystore,
} from '@certferry/x509';
import { addCertificate, emptyContainer, type Container } from '../container.ts';
import type { Format, Passwords } from './format.ts';
import { noticeIterations } from './notices.ts';

/** Java's own keystores: JKS and JCEKS. */
export const javaKeystore: Format = {
  detect: isJavaKeystore,
  needsSandbox: () => true,
  read: (content, passwords) => readInto(readJavaKeystore, content, passwords),
};

/** BouncyCastle's keystores: BKS is read, UBER and BCFKS are refused by name. */
export const bouncyCastle: Format = {
  detect: (content) => bouncyCastleType(content) !== undefined,
  needsSandbox: () => true,
  read: (content, passwords) => readInto(readBksKeystore, content, passwords),
};

const FORMATS = { jks: 'JKS', jceks: 'JCEKS', bks: 'BKS' } as const satisfies Record<
  JavaKeystore['type'],
  Container['format']
>;

function readInto(read: typeof readJavaKeystore, content: Uint8Array, passwords: Passwords): Container {
  const budget = new IterationBudget();
  const keystore = read(content, passwords, budget);
  const container = emptyContainer(FORMATS[keystore.type]);
  container.notices.push(...keystore.notices);
  let index = 0;
  for (const entry of keystore.entries) {
    if (entry.kind === 'key')
      container.keys.push({ index: index++, key: entry.key, encrypted: true, alias: entry.alias });
    if (entry.kind === 'other') container.notices.push(entry.message);
    for (const [position, der] of entry.certificates.entries())
      addCertificate(container, {
        index: index++,
        der,
        alias: position === 0 ? entry.alias : '',
        trusted: entry.kind === 'trusted',
      });
  }
  noticeIterations(container, budget.spent);
  return container;
}
