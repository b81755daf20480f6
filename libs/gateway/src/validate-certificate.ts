import { createHash } from 'node:crypto';
import { AppError } from '@certferry/core';
import type { inventoryV1 } from '@certferry/contracts';
import { readPem } from '@certferry/x509';
import { readBelowRoot } from './files-root.ts';

export interface Validation {
  errors: string[];
  warnings: string[];
}

export const EXPIRING_DAYS = 30;
const DAY_MS = 86_400_000;
const day = (date: Date): string => date.toISOString().slice(0, 10);

/** What is wrong with a certificate now: its dates, and the file that it was taken from by reference. */
export async function validateCertificate(
  certificate: inventoryV1.Certificate,
  { now, filesRoot }: { now: Date; filesRoot: string | undefined },
): Promise<Validation> {
  const { notBefore, notAfter, selfIssued } = certificate.facts!;
  const errors: string[] = [];
  const warnings: string[] = [];
  if (notAfter! < now) errors.push(`The certificate expired on ${day(notAfter!)}.`);
  else if (notAfter!.getTime() - now.getTime() < EXPIRING_DAYS * DAY_MS) {
    const left = Math.trunc((notAfter!.getTime() - now.getTime()) / DAY_MS);
    warnings.push(`The certificate will expire in ${left} days, on ${day(notAfter!)}.`);
  }
  if (notBefore! > now) errors.push(`The certificate is not yet valid; it will be on ${day(notBefore!)}.`);
  if (!selfIssued && certificate.chain.length === 0) warnings.push('The inventory does not have its issuer.');
  if (certificate.filePath) {
    const problem = await checkFile(certificate, filesRoot);
    if (problem) errors.push(problem);
  }
  return { errors, warnings };
}

async function checkFile(certificate: inventoryV1.Certificate, filesRoot: string | undefined): Promise<string> {
  try {
    const content = await readBelowRoot(filesRoot, certificate.filePath);
    const blocks = readPem(content).flatMap(({ label, bytes }) =>
      label.endsWith('CERTIFICATE') && bytes ? [bytes] : [],
    );
    const ders = blocks.length > 0 ? blocks : [content];
    const digests = ders.map((der) => createHash('sha256').update(der).digest('hex'));
    if (digests.includes(certificate.facts!.fingerprintSha256)) return '';
    return `The file ${certificate.filePath} was changed: it does not hold this certificate any more.`;
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    return `The file ${certificate.filePath} was not found.`;
  }
}
