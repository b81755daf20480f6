import 'reflect-metadata';
import { randomBytes } from 'node:crypto';

const ALGORITHM = {
  name: 'RSASSA-PKCS1-v1_5',
  modulusLength: 2048,
  publicExponent: new Uint8Array([1, 0, 1]),
  hash: 'SHA-256',
} as const;
const DAYS = 397;
const DAY_MS = 86_400_000;

/** A self-signed certificate for a host with its key, as PEM. */
export async function makeSelfSigned(host: string, now: Date): Promise<Buffer> {
  const x509 = await import('@peculiar/x509');
  const { subtle } = crypto;
  const keys = await subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(16).toString('hex'),
    name: new x509.Name([{ CN: [host] }]).toString(),
    notBefore: new Date(now.getTime() - 3_600_000),
    notAfter: new Date(now.getTime() + DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: host }]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const key = x509.PemConverter.encode(await subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY');
  return Buffer.from(`${certificate.toString('pem')}\n${key}\n`);
}
