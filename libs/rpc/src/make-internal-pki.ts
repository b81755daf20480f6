// node make-internal-pki.ts FOLDER NAME…: an internal CA and one certificate for services with these host names, for mTLS.
// What is there already is left alone.
import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const YEARS = 10;

const [folder, ...names] = process.argv.slice(2);
if (!folder || names.length === 0) throw new Error('usage: make-internal-pki.ts FOLDER NAME…');
const save = (name: string, content: string) => writeFileSync(join(folder, name), content, { mode: 0o600, flag: 'wx' });
const makeKeys = () => crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

if (!existsSync(join(folder, 'ca.crt'))) {
  const notBefore = new Date();
  const notAfter = new Date(notBefore);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + YEARS);
  const common = { notBefore, notAfter, signingAlgorithm: ALGORITHM };
  const caKeys = await makeKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...common,
    serialNumber: randomBytes(16).toString('hex'),
    name: 'CN=Certferry internal CA',
    keys: caKeys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    ...common,
    serialNumber: randomBytes(16).toString('hex'),
    subject: 'CN=certferry service',
    issuer: ca.subject,
    publicKey: keys.publicKey,
    signingKey: caKeys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value }))),
    ],
  });
  const key = x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  save('service.key', `${key}\n`);
  save('service.crt', `${certificate.toString('pem')}\n`);
  // The CA's key is not kept: nothing else is to be issued by it.
  save('ca.crt', `${ca.toString('pem')}\n`);
}
