import { createHash } from 'node:crypto';
import type { deploymentV1 } from '@certferry/contracts';
import { toJavaName } from '../display-name.ts';

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (value: number): string => String(value).padStart(2, '0');

/** A moment as Java's Date writes it, in UTC: `Fri Dec 16 06:07:04 UTC 2022`. */
function toJavaTime(at: Date): string {
  const clock = [at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()].map(two).join(':');
  const day = `${DAYS[at.getUTCDay()]} ${MONTHS[at.getUTCMonth()]} ${two(at.getUTCDate())}`;
  return `${day} ${clock} UTC ${at.getUTCFullYear()}`;
}

/** `sha256WithRSAEncryption` as Java names it: `SHA256withRSA`. */
function toJavaSignature(name: string): string {
  const [, rsaDigest] = /^(md5|sha\d+)WithRSAEncryption$/.exec(name) ?? [];
  if (rsaDigest) return `${rsaDigest.toUpperCase()}withRSA`;
  const [, ecDigest] = /^ecdsa-with-(SHA\d+)$/.exec(name) ?? [];
  return ecDigest ? `${ecDigest}withECDSA` : name;
}

const NAME_LABELS: Record<string, string> = {
  dns: 'DNSName',
  ip: 'IPAddress',
  email: 'RFC822Name',
  uri: 'URIName',
  directoryName: 'DirectoryName',
};

/** An entry as the per-alias resource shows it. keySize is a number, version a text: what upstream has is not known. */
export function toArcgisCertificate({ alias, hasPrivateKey, certificate }: deploymentV1.StoreEntry): object {
  const { der, facts } = certificate!;
  const { notBefore, notAfter, subjectAlternativeNames } = facts!;
  return {
    aliasName: alias,
    entryType: hasPrivateKey ? 'PrivateKeyEntry' : 'trustedCertEntry',
    issuer: toJavaName(facts!.issuer),
    subject: toJavaName(facts!.subject),
    subjectAlternativeNames: subjectAlternativeNames.map(({ type, value }) => `${NAME_LABELS[type] ?? type}: ${value}`),
    validFrom: toJavaTime(notBefore!),
    validUntil: toJavaTime(notAfter!),
    validFromEpoch: notBefore!.getTime(),
    validUntilEpoch: notAfter!.getTime(),
    keyAlgorithm: facts!.keyAlgorithm,
    keySize: facts!.keySize,
    serialNumber: facts!.serialNumber.toLowerCase(),
    version: String(facts!.version),
    signatureAlgorithm: toJavaSignature(facts!.signatureAlgorithm),
    keyUsage: facts!.keyUsages,
    md5Fingerprint: createHash('md5').update(der).digest('hex'),
    sha1Fingerprint: facts!.thumbprint.toLowerCase(),
    sha256Fingerprint: facts!.fingerprintSha256,
  };
}
