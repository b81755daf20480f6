import { join } from 'node:path';
import { describeFileStore } from '../files/file-store.conformance.ts';
import { useParser } from '../toy/start-parser.ts';
import { pem } from './pem-driver.ts';

describeFileStore(pem, {
  parser: useParser(),
  configs: [
    (folder) => ({
      certificatePath: join(folder, 'tls.crt'),
      chainPath: join(folder, 'chain.crt'),
      keyPath: join(folder, 'keys', 'tls.key'),
    }),
    (folder) => ({ fullChainPath: join(folder, 'full.pem'), keyPath: join(folder, 'full.key') }),
    (folder) => ({ combinedPath: join(folder, 'combined.pem'), preset: 'postfix' }),
    (folder) => ({
      fullChainPath: join(folder, 'full.pem'),
      keyPath: join(folder, 'keys', 'full.key'),
      layout: 'links',
      keyForm: 'traditional',
    }),
  ],
  withoutRoot: true,
});
