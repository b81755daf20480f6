import 'reflect-metadata';
import { randomBytes, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const RENEW_DAYS = 30;
const SERVER_DAYS = 397;
const CA_DAYS = 3_650;

/** Names that the certificate has whatever else is asked for. */
const OWN_NAMES = ['localhost', hostname(), '127.0.0.1', '::1'];

/**
 * PEM of an HTTPS certificate for this machine and `names` (DNS names and IP addresses), and its key, by a CA that is made
 * at the first start. The certificate is made anew 30 days before its end, and when it lacks a name.
 */
export async function openOwnCertificate(
  folder: string,
  options: { names: string[]; now: Date },
): Promise<{ cert: string; key: string }> {
  const { now } = options;
  const names = [...new Set([...OWN_NAMES, ...options.names])];
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const paths = {
    ca: join(folder, 'ca.crt'),
    caKey: join(folder, 'ca.key'),
    cert: join(folder, 'server.crt'),
    key: join(folder, 'server.key'),
  };
  if (!serves(paths.cert, names, now) || !existsSync(paths.key)) await issue(paths, names, now);
  return { cert: readFileSync(paths.cert, 'utf8'), key: readFileSync(paths.key, 'utf8') };
}

function serves(path: string, names: string[], now: Date): boolean {
  const certificate = readCertificate(path);
  if (!certificate) return false;
  const dnsNames = certificate.subjectAltName?.split(', ') ?? [];
  return (
    certificate.validToDate.getTime() - now.getTime() > RENEW_DAYS * DAY_MS &&
    names.every((name) => (isIP(name) ? certificate.checkIP(name) : dnsNames.includes(`DNS:${name}`)))
  );
}

function readCertificate(path: string): X509Certificate | undefined {
  try {
    return new X509Certificate(readFileSync(path));
  } catch {
    return undefined;
  }
}

/** Written beside and renamed: a start that is killed leaves either no file or a whole one. */
function save(path: string, content: string): void {
  writeFileSync(`${path}.tmp`, content, { mode: 0o600, flush: true });
  renameSync(`${path}.tmp`, path);
}

interface Paths {
  ca: string;
  caKey: string;
  cert: string;
  key: string;
}

async function issue(paths: Paths, names: string[], now: Date): Promise<void> {
  const x509 = await import('@peculiar/x509');
  const { subtle } = crypto;
  const pem = (label: string, der: ArrayBuffer) => `${x509.PemConverter.encode(der, label)}\n`;
  const common = { signingAlgorithm: ALGORITHM, notBefore: new Date(now.getTime() - 3_600_000) };
  const makeKeys = () => subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  if (!existsSync(paths.ca) || !existsSync(paths.caKey)) {
    const keys = await makeKeys();
    const ca = await x509.X509CertificateGenerator.createSelfSigned({
      ...common,
      serialNumber: randomBytes(16).toString('hex'),
      name: `CN=Certferry CA of ${hostname()}`,
      notAfter: new Date(now.getTime() + CA_DAYS * DAY_MS),
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      ],
    });
    save(paths.caKey, pem('PRIVATE KEY', await subtle.exportKey('pkcs8', keys.privateKey)));
    save(paths.ca, `${ca.toString('pem')}\n`);
  }
  const ca = new x509.X509Certificate(readFileSync(paths.ca, 'utf8'));
  const caKey = await subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(readFileSync(paths.caKey, 'utf8')),
    ALGORITHM,
    false,
    ['sign'],
  );
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.create({
    ...common,
    serialNumber: randomBytes(16).toString('hex'),
    subject: `CN=${hostname()}`,
    issuer: ca.subject,
    notAfter: new Date(now.getTime() + SERVER_DAYS * DAY_MS),
    publicKey: keys.publicKey,
    signingKey: caKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isIP(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
    ],
  });
  save(paths.key, pem('PRIVATE KEY', await subtle.exportKey('pkcs8', keys.privateKey)));
  save(paths.cert, `${certificate.toString('pem')}\n`);
}
