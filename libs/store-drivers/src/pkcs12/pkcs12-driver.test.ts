import { join } from 'node:path';
import { describeFileStore } from '../files/file-store.conformance.ts';
import { useParser } from '../toy/start-parser.ts';
import { pkcs12 } from './pkcs12-driver.ts';

describeFileStore(pkcs12, {
  parser: useParser(),
  configs: [(folder) => ({ path: join(folder, 'store.p12'), password: 'canary-password' })],
});
