import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeCertificate, temporaryFolder, zip } from '@certferry/testing';

const KEYS = 20;

/** A ZIP of PEM certificates that differ in one number only: signed once, so that making them takes seconds. */
async function writeArchive(path: string, count: number): Promise<void> {
  const leaves = await Promise.all(
    Array.from({ length: KEYS }, (_, i) => makeCertificate({ commonName: `bulk-${i}` })),
  );
  const archive = zip(
    Array.from({ length: count }, (_, i) => {
      const der = Buffer.from(leaves[i % KEYS]!.der);
      der.writeUInt32BE(i, der.length - 4);
      const lines = der.toString('base64').replace(/(.{64})/g, '$1\n');
      return [`${i}.pem`, `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`];
    }),
  );
  writeFileSync(path, archive);
}

/** The archive, made by another process: what making it leaves in memory would be counted otherwise. */
export function makeArchive(count: number): Buffer {
  const path = join(temporaryFolder('bench'), 'archive.zip');
  execFileSync(process.execPath, [import.meta.filename, path, String(count)]);
  return readFileSync(path);
}

const [, , path, count] = process.argv;
if (import.meta.main) await writeArchive(path!, Number(count));
