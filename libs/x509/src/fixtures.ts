import { readFileSync } from 'node:fs';
import { readPem } from './pem.ts';

/** Files that OpenSSL and keytool wrote (fixtures/generate.sh); for tests. */
export const fixture = (name: string): Buffer => readFileSync(new URL(`../fixtures/${name}`, import.meta.url));
export const fixtureDer = (name: string): Uint8Array => readPem(fixture(name))[0]!.bytes!;
