import { z } from 'zod';
import { FILES_TRIED } from '../files/file-config.ts';
import { keystoreFields } from '../keystore/keystore-config.ts';
import { KeystoreStore } from '../keystore/keystore-store.ts';
import type { StoreDriver } from '../store-driver.ts';
import { rfPkcs12 } from './pkcs12-keyfactor-type.ts';

const config = z.strictObject(keystoreFields);

/** A PKCS#12 keystore on the local file system, as Java, Tomcat, Windows and .NET read it. */
export const pkcs12: StoreDriver<typeof config> = {
  kind: 'pkcs12',
  title: 'PKCS#12 keystore',
  description:
    'Entries of a PKCS#12 file on the local file system. Entries that Certferry did not write stay as they are.',
  alias: 'required',
  trustedEntries: true,
  config,
  tried: FILES_TRIED,
  keyfactorType: rfPkcs12,
  holdsPrivateKey: () => true,
  async open(given, context) {
    const path = await context.roots.resolve(given.path, context.signal);
    return new KeystoreStore({ ...given, path, format: 'pkcs12', takesBoth: false }, context);
  },
};
