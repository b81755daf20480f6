import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { readCertificate, readPem } from '@certferry/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const RENEW_DAYS = 30;
const SERVER_DAYS = 397;
const CA_DAYS = 3_650;

export interface ServerTls {
  cert: string;
  key: string;
  /** For clients to trust. */
  caPath: string;
}

/** The HTTPS certificate of this server and the CA that made it; made at the first start, the certificate anew 30 days before its end. */
export async function openServerTls(folder: string, now: Date): Promise<ServerTls> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const paths = {
    ca: join(folder, 'ca.crt'),
    caKey: join(folder, 'ca.key'),
    cert: join(folder, 'server.crt'),
    key: join(folder, 'server.key'),
  };
  if (!isFresh(paths.cert, now) || !existsSync(paths.key)) await issue(paths, now);
  return { cert: readFileSync(paths.cert, 'utf8'), key: readFileSync(paths.key, 'utf8'), caPath: paths.ca };
}

function isFresh(path: string, now: Date): boolean {
  if (!existsSync(path)) return false;
  const [block] = readPem(readFileSync(path));
  return (
    block?.bytes !== undefined && readCertificate(block.bytes).notAfter.getTime() - now.getTime() > RENEW_DAYS * DAY_MS
  );
}

/** Written beside and renamed: a start that is killed leaves either no file or a whole one. */
function save(path: string, content: string): void {
  writeFileSync(`${path}.tmp`, content, { mode: 0o600, flush: true });
  renameSync(`${path}.tmp`, path);
}

async function issue(paths: { ca: string; caKey: string; cert: string; key: string }, now: Date): Promise<void> {
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
  const names = [...new Set(['localhost', hostname()])].map((value) => ({ type: 'dns' as const, value }));
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
      new x509.SubjectAlternativeNameExtension([
        ...names,
        { type: 'ip', value: '127.0.0.1' },
        { type: 'ip', value: '::1' },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(ca),
    ],
  });
  save(paths.key, pem('PRIVATE KEY', await subtle.exportKey('pkcs8', keys.privateKey)));
  save(paths.cert, `${certificate.toString('pem')}\n`);
}
