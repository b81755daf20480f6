import { isJavaKeystore, IterationBudget, readJavaKeystore } from '@certferry/x509';
import { addCertificate, emptyContainer } from '../container.ts';
import type { Format } from './format.ts';
import { noticeIterations } from './notices.ts';

/** Java's own keystores: JKS and JCEKS. */
export const javaKeystore: Format = {
  detect: isJavaKeystore,
  needsSandbox: () => true,
  read(content, passwords) {
    const budget = new IterationBudget();
    const keystore = readJavaKeystore(content, passwords, budget);
    const container = emptyContainer(keystore.type === 'jks' ? 'JKS' : 'JCEKS');
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
  },
};
