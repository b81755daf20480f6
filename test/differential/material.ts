import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { X509Certificate } from 'node:crypto';
import { hasProgram, makeChain, temporaryFolder } from '@certferry/testing';

/** What every tool here is given: a key, its certificate, and the two that issued it. */
export interface Material {
  folder: string;
  leaf: string;
  key: string;
  issuers: string;
  fingerprints: string[];
  /** The same as DER, leaf first, and the key as PKCS#8. */
  certificates: Buffer[];
  privateKey: Buffer;
}

export async function makeMaterial(): Promise<Material> {
  const { root, intermediate, leaf } = await makeChain('web.example.com');
  const folder = temporaryFolder('differential');
  const path = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const chain = [leaf, intermediate, root];
  return {
    folder,
    leaf: path('leaf.pem', leaf.pem),
    key: path('leaf.key', leaf.keyPem),
    issuers: path('issuers.pem', intermediate.pem + root.pem),
    fingerprints: chain.map(({ der }) => new X509Certificate(der).fingerprint256.replaceAll(':', '').toLowerCase()),
    certificates: chain.map(({ der }) => der),
    privateKey: leaf.keyDer,
  };
}

/** Every tool that has to be there: Debian's gnutls-bin and libnss3-tools beside OpenSSL and a JDK. */
export const hasTools = ['openssl', 'keytool', 'certtool', 'pk12util', 'certutil'].every(hasProgram);

/** Tools take passwords in UTF-8 only where the locale says so. */
const env = { ...process.env, LC_ALL: 'C.UTF-8' };

export function run(program: string, ...args: string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env });
}

/** Runs a tool that writes the file. */
export function written(path: string, program: string, ...args: string[]): Buffer {
  run(program, ...args);
  return readFileSync(path);
}

/** A new NSS database that has this PKCS#12 file's content. */
export function nssDatabase(file: string, password: string): string {
  const database = `sql:${temporaryFolder('nss')}`;
  run('certutil', '-N', '-d', database, '--empty-password');
  run('pk12util', '-i', file, '-d', database, '-W', password, '-K', '');
  return database;
}
