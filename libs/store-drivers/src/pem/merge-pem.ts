import { readPrivateKey, writePem, writeTraditionalKey } from '@certferry/x509';
import { heldKey } from '../files/certificate-files.ts';
import { bytesOf, isCertificate, isKey, joinPem, splitPem, withoutExplanations, type PemPart } from './pem-parts.ts';

/** "traditional": PKCS#1 of an RSA key, SEC 1 of an EC key. */
export type KeyForm = 'pkcs8' | 'traditional';

/** What of a PEM file is ours to write. */
export interface PemContent {
  /** DER, in their order; undefined: certificates in the file are none of ours. */
  certificates?: Buffer[];
  /** PKCS#8 DER. */
  key?: Buffer;
  /** Absent: as the file has it, else PKCS#8. */
  keyForm?: KeyForm;
  /** Absent: as the file has it, else the certificates first. */
  keyFirst?: boolean;
}

/**
 * A PEM file with other certificates and another key in it. What else stands there (parameters, comments) stays where it
 * is; a file that already holds just these stays byte for byte.
 */
export function mergePem(old: Buffer | undefined, wanted: PemContent): Buffer {
  const parts = old ? splitPem(old) : [];
  // Without any block it is no PEM file, and what it is instead does not go into one.
  if (!parts.some(({ label }) => label !== undefined)) return joinPem(arrange([], wanted));
  return old && isAsWanted(parts, wanted, old) ? old : joinPem(arrange(parts, wanted));
}

function isAsWanted(parts: PemPart[], wanted: PemContent, old: Buffer): boolean {
  const { certificates, key } = wanted;
  const held = parts.filter(isCertificate).map(bytesOf);
  const sameCertificates =
    !certificates || (held.length === certificates.length && certificates.every((der, i) => held[i]?.equals(der)));
  const keys = parts.filter((part) => isKey(part));
  const sameKey = key ? keys.length > 0 && keepsKey(parts, wanted, old) : !certificates || keys.length === 0;
  return sameCertificates && sameKey && isInOrder(parts, wanted);
}

/** Whether the file's key is the one that is wanted, in a form that is wanted. */
function keepsKey(parts: PemPart[], { key, keyForm }: PemContent, old: Buffer): boolean {
  if (!key || heldKey(old)?.publicKeyBits !== readPrivateKey(key, 'pkcs8').publicKeyBitsSha256) return false;
  return keyForm === undefined || formOf(parts) === keyForm || writeKey(key, keyForm) === writeKey(key, formOf(parts));
}

const formOf = (parts: PemPart[]): KeyForm =>
  parts.some(({ label = '' }) => / PRIVATE KEY$/.test(label) && label !== 'ENCRYPTED PRIVATE KEY')
    ? 'traditional'
    : 'pkcs8';

function isInOrder(parts: PemPart[], { keyFirst, certificates, key }: PemContent): boolean {
  if (keyFirst === undefined || !certificates || !key) return true;
  return parts.findIndex(isKey) < parts.findIndex(isCertificate) === keyFirst;
}

/** The parts of the new file. */
function arrange(parts: PemPart[], wanted: PemContent): PemPart[] {
  const certificates = wanted.certificates?.map((der) => part('CERTIFICATE', writePem('CERTIFICATE', der))) ?? [];
  const key = keyParts(parts, wanted);
  const isOurs = (one: PemPart): boolean => isKey(one) || (wanted.certificates !== undefined && isCertificate(one));
  const together = wanted.keyFirst ? [...key, ...certificates] : [...certificates, ...key];
  const apart =
    isInOrder(parts, wanted) && parts.some(isKey) && (wanted.certificates === undefined || parts.some(isCertificate));
  const made: PemPart[] = [];
  const placed = new Set<PemPart[]>();
  for (const [i, one] of parts.entries()) {
    if (isOurs(one)) {
      const block = !apart ? together : isKey(one) ? key : certificates;
      if (!placed.has(block)) made.push(...block);
      placed.add(block);
    } else if (one.label !== undefined) made.push(one);
    else {
      const raw = parts[i + 1] && isOurs(parts[i + 1]!) ? withoutExplanations(one.raw) : one.raw;
      const between = i > 0 && isOurs(parts[i - 1]!) && (parts[i + 1] === undefined || isOurs(parts[i + 1]!));
      if (raw && !(between && raw.trim() === '')) made.push({ raw: raw.endsWith('\n') ? raw : `${raw}\n` });
    }
  }
  if (placed.size === 0) made.unshift(...together);
  return made;
}

function keyParts(parts: PemPart[], wanted: PemContent): PemPart[] {
  if (!wanted.key) return [];
  const held = parts.filter(isKey);
  if (held.length > 0 && keepsKey(parts, wanted, joinPem(held))) return held;
  const form = wanted.keyForm ?? (held.length > 0 ? formOf(parts) : 'pkcs8');
  return [part('PRIVATE KEY', writeKey(wanted.key, form))];
}

const part = (label: string, raw: string): PemPart => ({ label, raw });

/** A key that has no traditional form is PKCS#8 anyway. */
function writeKey(key: Buffer, form: KeyForm): string {
  if (form === 'pkcs8' || !['RSA', 'EC'].includes(readPrivateKey(key, 'pkcs8').algorithm))
    return writePem('PRIVATE KEY', key);
  return writeTraditionalKey(key);
}
