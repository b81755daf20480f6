import { readFileSync } from 'node:fs';
import { type Buffer } from 'node:buffer';

/** PEM of the internal CA and of this process's certificate and key. */
export interface TlsFiles {
  ca: Buffer;
  cert: Buffer;
  key: Buffer;
}

export const readTlsFiles = (paths: { ca: string; cert: string; key: string }): TlsFiles => ({
  ca: readFileSync(paths.ca),
  cert: readFileSync(paths.cert),
  key: readFileSync(paths.key),
});
