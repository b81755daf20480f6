import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Server } from 'node:https';
import { isIP } from 'node:net';
import { AppError } from '@certferry/core';
import { z } from 'zod';
import { openOwnCertificate } from './own-ca.ts';

const DNS_NAME = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const isName = (name: string): boolean => isIP(name) !== 0 || (DNS_NAME.test(name) && name.length <= 253);

/** Names and addresses, separated by commas. */
export const tlsNames = z
  .string()
  .transform((text) =>
    text
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  )
  .superRefine((names, context) => {
    for (const name of names.filter((one) => !isName(one)))
      context.addIssue({ code: 'custom', message: `"${name}" is neither a DNS name nor an IP address` });
  });

export interface ServerTlsSettings {
  /** PEM files: the certificate with its issuers after it, and its key. Neither: the product makes its own. */
  tlsCert?: string;
  tlsKey?: string;
  tlsNames: string[];
}

/** PEM for the HTTPS server. INVALID_ARGUMENT INVALID_CONFIG says which file is missing or does not fit. */
export async function openServerTls(
  settings: ServerTlsSettings,
  own: { folder: string; now: Date },
): Promise<{ cert: string; key: string }> {
  const { tlsCert, tlsKey, tlsNames: names } = settings;
  if (!tlsCert && !tlsKey) return await openOwnCertificate(own.folder, { names, now: own.now });
  if (!tlsCert || !tlsKey) throw invalidConfig('CERTFERRY_TLS_CERT and CERTFERRY_TLS_KEY go together.');
  if (names.length > 0)
    throw invalidConfig(
      'CERTFERRY_TLS_NAMES is for the certificate that Certferry makes itself, not for CERTFERRY_TLS_CERT.',
    );
  const cert = read('CERTFERRY_TLS_CERT', tlsCert);
  const key = read('CERTFERRY_TLS_KEY', tlsKey);
  const certificate = parse(`CERTFERRY_TLS_CERT: ${tlsCert} has no PEM certificate`, () => new X509Certificate(cert));
  const privateKey = parse(`CERTFERRY_TLS_KEY: ${tlsKey} has no PEM key that opens without a password`, () =>
    createPrivateKey(key),
  );
  if (!certificate.checkPrivateKey(privateKey))
    throw invalidConfig(`The key in ${tlsKey} does not belong to the first certificate in ${tlsCert}.`);
  return { cert, key };
}

/** Gives the server what has changed: a renewed file, or the product's own certificate made anew. Throws as `openServerTls`. */
export async function renewServerTls(
  server: Server,
  open: () => Promise<{ cert: string; key: string }>,
): Promise<void> {
  server.setSecureContext({ ...(await open()), minVersion: 'TLSv1.2' });
}

function read(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw invalidConfig(`${variable}: cannot read ${path} (${(cause as NodeJS.ErrnoException).code}).`, cause);
  }
}

function parse<T>(problem: string, run: () => T): T {
  try {
    return run();
  } catch (cause) {
    throw invalidConfig(`${problem}.`, cause);
  }
}

const invalidConfig = (message: string, cause?: unknown): AppError =>
  new AppError({ code: 'INVALID_ARGUMENT', reason: 'INVALID_CONFIG', message, cause });
