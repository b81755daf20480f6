import 'reflect-metadata';
import { hash, X509Certificate } from 'node:crypto';
import { rootCertificates } from 'node:tls';
import { readCertificate } from '@certferry/x509';
import * as peculiar from '@peculiar/x509';
import { printTable } from './table.ts';

/** Certificates a second, one thread, over the roots that Node.js carries: all facts with SHA-1 and SHA-256. */
export async function benchParse(): Promise<void> {
  const roots = rootCertificates.map((pem) => new X509Certificate(pem).raw);
  const measure = async (read: (der: Buffer) => unknown) => {
    for (const der of roots) read(der);
    let count = 0;
    const start = performance.now();
    while (performance.now() - start < 2_000) {
      for (const der of roots) read(der);
      count += roots.length;
    }
    return await Promise.resolve((count * 1000) / (performance.now() - start));
  };
  const ours = await measure(readCertificate);
  const node = await measure((der) => {
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
  });
  const other = await measure((der) => {
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
  });
  const rows = [
    ['@certferry/x509', ours],
    ['node:crypto', node],
    ['@peculiar/x509', other],
  ] as [string, number][];
  printTable(
    `Parse, single thread, ${roots.length} roots`,
    ['reader', 'certificates/s', 'ours is'],
    rows.map(([name, value]) => [name, value, `${(ours / value).toFixed(1)} x`]),
  );
}
