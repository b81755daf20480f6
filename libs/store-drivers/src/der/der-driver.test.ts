import { join } from 'node:path';
import { describeFileStore } from '../files/file-store.conformance.ts';
import { useParser } from '../toy/start-parser.ts';
import { der } from './der-driver.ts';

describeFileStore(der, {
  parser: useParser(),
  configs: [(folder) => ({ certificatePath: join(folder, 'tls.der'), keyPath: join(folder, 'tls.key.der') })],
  withoutChain: true,
});
