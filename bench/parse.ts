import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { hash, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { findProgram, makeCertificate, temporaryFolder } from '@certferry/testing';
import { readCertificate } from '@certferry/x509';
import * as peculiar from '@peculiar/x509';
import { printTable } from './table.ts';

const LEAVES = 10_000;
const KEYS = 50;
const BLOCK = 100;
const ROUNDS = 4;
const ROUND_MS = 1_000;

const viaNode = (der: Buffer) => {
  const one = new X509Certificate(der);
  return [
    one.subject,
    one.issuer,
    one.serialNumber,
    one.validFromDate,
    one.validToDate,
    one.subjectAltName,
    one.keyUsage,
    one.ca,
    one.fingerprint,
    one.fingerprint256,
    one.publicKey.asymmetricKeyDetails,
  ];
};

const viaPeculiar = (der: Buffer) => {
  const one = new peculiar.X509Certificate(der);
  return [
    one.subject,
    one.issuer,
    one.serialNumber,
    one.notBefore,
    one.notAfter,
    one.extensions.map((extension) => extension.type),
    one.publicKey.algorithm,
    hash('sha1', der),
    hash('sha256', der),
  ];
};

/** Leaf certificates of a few keys and many serial numbers. */
async function makeLeaves(): Promise<Buffer[]> {
  const made = await Promise.all(
    Array.from({ length: KEYS }, (_, i) =>
      makeCertificate({
        commonName: `leaf-${i}.example.com`,
        names: [`leaf-${i}.example.com`, `www.leaf-${i}.example.com`],
      }),
    ),
  );
  return Array.from({ length: LEAVES }, (_, i) => {
    const der = Buffer.from(made[i % KEYS]!.der);
    der.writeUInt32BE(i, der.length - 4);
    return der;
  });
}

/** Certificates a second in one round. */
function measure(certificates: Buffer[], read: (der: Buffer) => unknown): number {
  for (const der of certificates.slice(0, 200)) read(der);
  let count = 0;
  const start = performance.now();
  // The clock is asked once a block, as the Go program does: asking costs as much as a digest.
  while (performance.now() - start < ROUND_MS) {
    for (let i = 0; i < BLOCK; i++) read(certificates[count++ % certificates.length]!);
  }
  return (count * 1000) / (performance.now() - start);
}

/** The Go program, built once, and the file that it reads. */
function prepareGo(certificates: Buffer[]): (() => number) | undefined {
  if (!findProgram('go')) return undefined;
  const folder = temporaryFolder('bench');
  const [program, path] = [join(folder, 'parse'), join(folder, 'certificates')];
  const length = (der: Buffer) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(der.length);
    return bytes;
  };
  writeFileSync(path, Buffer.concat(certificates.flatMap((der) => [length(der), der])));
  const env = { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=mod' };
  execFileSync('go', ['build', '-o', program, join(import.meta.dirname, 'go', 'parse.go')], { env });
  return () => Number(execFileSync(program, [path]).toString().split(' ')[0]);
}

/**
 * Certificates a second, one thread: all facts that the inventory stores, with SHA-1 and SHA-256. The readers take
 * turns, and the best of each one's rounds counts: another user of the machine slows whoever is running just then.
 */
export async function benchParse(): Promise<void> {
  const roots = rootCertificates.map((pem) => new X509Certificate(pem).raw);
  for (const [name, certificates] of [
    [`${roots.length} roots`, roots],
    [`${LEAVES} leaf certificates`, await makeLeaves()],
  ] as const) {
    const readers: [string, (() => number) | undefined][] = [
      ['@certferry/x509', () => measure(certificates, readCertificate)],
      ['Go crypto/x509', prepareGo(certificates)],
      ['node:crypto', () => measure(certificates, viaNode)],
      ['@peculiar/x509', () => measure(certificates, viaPeculiar)],
    ];
    const best = readers.map(() => 0);
    for (let round = 0; round < ROUNDS; round++)
      for (const [i, [, run]] of readers.entries()) best[i] = Math.max(best[i]!, run?.() ?? 0);
    const rows = readers.map(([reader, run], i) => {
      if (!run) return [reader, 'not run: no go on PATH', ''];
      return [reader, best[i]!, i === 0 ? '' : `${(best[0]! / best[i]!).toFixed(1)} x`];
    });
    printTable(`Parse, single thread, ${name}`, ['reader', 'certificates/s', 'ours is'], rows);
  }
}
