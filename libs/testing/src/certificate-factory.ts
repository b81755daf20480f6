import { Buffer } from 'node:buffer';
import type { webcrypto } from 'node:crypto';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
let serial = Date.now();

export interface TestCertificate {
  der: Buffer;
  pem: string;
  /** PKCS#8 */
  keyDer: Buffer;
  keyPem: string;
  /** @internal */
  keys: webcrypto.CryptoKeyPair;
}

/** A certificate with a P-256 key; self-signed unless `issuer` is given. */
export async function makeCertificate(options: {
  commonName: string;
  issuer?: TestCertificate;
  /** Whose key it has too; else a new one. */
  sameKeyAs?: TestCertificate;
  ca?: boolean;
  notBefore?: Date;
  notAfter?: Date;
  names?: string[];
}): Promise<TestCertificate> {
  const keys = options.sameKeyAs?.keys ?? (await crypto.subtle.generateKey(EC, true, ['sign', 'verify']));
  const subject = `CN=${options.commonName}`;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: (serial++).toString(16),
    subject,
    issuer: options.issuer ? new x509.X509Certificate(options.issuer.der).subject : subject,
    notBefore: options.notBefore ?? new Date('2025-01-01T00:00:00Z'),
    notAfter: options.notAfter ?? new Date('2036-01-01T00:00:00Z'),
    signingAlgorithm: EC,
    publicKey: keys.publicKey,
    signingKey: options.issuer?.keys.privateKey ?? keys.privateKey,
    extensions: [
      new x509.BasicConstraintsExtension(options.ca ?? false, undefined, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ...(options.issuer
        ? [await x509.AuthorityKeyIdentifierExtension.create(new x509.X509Certificate(options.issuer.der))]
        : []),
      new x509.SubjectAlternativeNameExtension(
        (options.names ?? [options.commonName.replaceAll(' ', '-')]).map((value) => ({ type: 'dns', value })),
      ),
    ],
  });
  const keyDer = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey));
  const der = Buffer.from(certificate.rawData);
  return {
    der,
    pem: toPem('CERTIFICATE', der),
    keyDer,
    keyPem: toPem('PRIVATE KEY', keyDer),
    keys,
  };
}

const toPem = (label: string, der: Buffer): string => `${x509.PemConverter.encode(der, label)}\n`;

/** A root, an intermediate and a leaf. */
export async function makeChain(
  commonName: string,
): Promise<{ root: TestCertificate; intermediate: TestCertificate; leaf: TestCertificate }> {
  const root = await makeCertificate({ commonName: `Root of ${commonName}`, ca: true });
  const intermediate = await makeCertificate({ commonName: `Issuer of ${commonName}`, ca: true, issuer: root });
  return { root, intermediate, leaf: await makeCertificate({ commonName, issuer: intermediate }) };
}
