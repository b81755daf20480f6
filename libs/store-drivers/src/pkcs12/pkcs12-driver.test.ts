import { join } from 'node:path';
import { describeFileStore } from '../files/file-store.conformance.ts';
import { describeKeystore } from '../keystore/keystore.conformance.ts';
import { useParser } from '../toy/start-parser.ts';
import { pkcs12 } from './pkcs12-driver.ts';

const parser = useParser();
const password = 'canary-password';

const configs = [
  (folder: string) => ({ path: join(folder, 'store.p12'), password }),
  (folder: string) => ({
    path: join(folder, 'old.p12'),
    password,
    encryption: 'legacy',
    previousPassword: 'canary-old',
  }),
];

describeFileStore(pkcs12, { parser, configs });
describeKeystore(pkcs12, { parser, configs });
