import { z } from 'zod';
import { FILES_TRIED } from '../files/file-config.ts';
import { keyPassword, keystoreFields } from '../keystore/keystore-config.ts';
import { KeystoreStore } from '../keystore/keystore-store.ts';
import type { StoreDriver } from '../store-driver.ts';
import { rfJks } from './jks-keyfactor-type.ts';

const config = z.strictObject({
  ...keystoreFields,
  keyPassword,
  format: z
    .enum(['jks', 'pkcs12'])
    .optional()
    .describe(
      'Of a new file: `jks` (if absent) or `pkcs12`, as keytool makes it since Java 9. A file that is there keeps its own.',
    ),
});

/** A Java keystore on the local file system as keytool has it: JKS, or PKCS#12 behind the same name. */
export const jks: StoreDriver<typeof config> = {
  kind: 'jks',
  title: 'Java keystore',
  description:
    'Entries of a Java keystore (JKS or PKCS#12) on the local file system. Entries that Certferry did not write stay as they are.',
  alias: 'required',
  trustedEntries: true,
  config,
  tried: FILES_TRIED,
  keyfactorType: rfJks,
  holdsPrivateKey: () => true,
  async open({ format = 'jks', ...given }, context) {
    const path = await context.roots.resolve(given.path, context.signal);
    return new KeystoreStore({ ...given, path, format, takesBoth: true }, context);
  },
};
