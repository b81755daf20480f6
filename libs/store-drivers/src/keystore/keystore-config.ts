import { z } from 'zod';
import { filePath } from '../files/file-config.ts';

const password = z.string().min(1).max(1_000);

/** What every kind of keystore has in its config. */
export const keystoreFields = {
  path: filePath.describe('The keystore file; made if it is not there.'),
  password: password.describe('Of the keystore and its keys.').meta({ writeOnly: true }),
  previousPassword: password
    .optional()
    .describe('What the password was: a keystore that still has it gets the new one with the next deployment.')
    .meta({ writeOnly: true }),
  encryption: z
    .enum(['modern', 'legacy'])
    .optional()
    .describe(
      'Of a PKCS#12: `modern` (AES-256, SHA-256) or `legacy` (3DES, SHA-1: Windows Server 2016, Java 8). Without it a file keeps what it has, and a new one is modern.',
    ),
};

export const keyPassword = password
  .optional()
  .describe('Of the keys in a JKS, where it is not the password of the keystore.')
  .meta({ writeOnly: true });

/** A keystore's place and passwords, whatever its kind. */
export interface KeystoreConfig {
  path: string;
  password: string;
  previousPassword?: string;
  encryption?: 'modern' | 'legacy';
  keyPassword?: string;
  /** Of a new file. */
  format: 'jks' | 'pkcs12';
  /** Whether a file of the other format is as good. */
  takesBoth: boolean;
}
