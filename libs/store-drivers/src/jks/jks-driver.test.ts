import { join } from 'node:path';
import { describeFileStore } from '../files/file-store.conformance.ts';
import { describeKeystore } from '../keystore/keystore.conformance.ts';
import { useParser } from '../toy/start-parser.ts';
import { jks } from './jks-driver.ts';

const parser = useParser();
const password = 'canary-password';

const configs = [
  (folder: string) => ({ path: join(folder, 'store.jks'), password }),
  (folder: string) => ({
    path: join(folder, 'keys.jks'),
    password,
    keyPassword: 'canary-key',
    previousPassword: 'canary-old',
  }),
  (folder: string) => ({ path: join(folder, 'modern.jks'), password, format: 'pkcs12' }),
];

describeFileStore(jks, { parser, configs });
describeKeystore(jks, { parser, configs });
