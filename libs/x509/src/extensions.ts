import { asBuffer, context, DerReader, TAG } from './der-reader.ts';
import { readName, stringValue } from './name.ts';
import { EXTENDED_KEY_USAGES, EXTENSION, KEY_USAGES } from './oids.ts';
import { malformed } from './x509-error.ts';

export const MAX_NAMES = 10_000;

/** A GeneralName (RFC 5280 section 4.2.1.6): as in certferry.common.v1.SubjectAlternativeName. */
export interface SubjectAlternativeName {
  type: string;
  value: string;
}

/** The extensions that Certferry stores (RFC 5280 section 4.2.1). */
export interface CertificateExtensions {
  subjectAlternativeNames: SubjectAlternativeName[];
  droppedNames: number;
  keyUsages: string[];
  extendedKeyUsages: string[];
  basicConstraints?: { certificateAuthority: boolean; pathLength?: number };
  subjectKeyIdentifier: string;
  authorityKeyIdentifier: string;
}

/** Reads the extensions behind a reader that stands in the [3] of a TBSCertificate into `found`. */
export function readExtensions(reader: DerReader, found: CertificateExtensions): void {
  const outer = reader.open(TAG.sequence);
  while (!reader.done) {
    const outerExtension = reader.open(TAG.sequence);
    const id = reader.oid();
    if (reader.peek() === TAG.boolean) reader.boolean();
    const outerValue = reader.open(TAG.octetString);
    readExtension(id, reader, found);
    reader.leave(outerValue);
    reader.leave(outerExtension);
  }
  reader.close(outer);
}

function readExtension(id: string, value: DerReader, found: CertificateExtensions): void {
  switch (id) {
    case EXTENSION.subjectAltName:
      return readAlternativeNames(value, found);
    case EXTENSION.keyUsage:
      found.keyUsages = readKeyUsages(value);
      return;
    case EXTENSION.extendedKeyUsage:
      found.extendedKeyUsages = readExtendedKeyUsages(value);
      return;
    case EXTENSION.basicConstraints:
      found.basicConstraints = readBasicConstraints(value);
      return;
    case EXTENSION.subjectKeyIdentifier:
      found.subjectKeyIdentifier = value.next(TAG.octetString).hex();
      return;
    case EXTENSION.authorityKeyIdentifier: {
      const outer = value.open(TAG.sequence);
      if (value.optional(context(0, false))) found.authorityKeyIdentifier = value.hex();
      value.leave(outer);
    }
  }
}

function readAlternativeNames(value: DerReader, found: CertificateExtensions): void {
  const outer = value.open(TAG.sequence);
  while (!value.done && found.subjectAlternativeNames.length < MAX_NAMES)
    found.subjectAlternativeNames.push(readGeneralName(value));
  for (; !value.done; found.droppedNames++) value.next();
  value.close(outer);
}

/** Names of the bits that are set, in their order. */
export function readKeyUsages(value: DerReader): string[] {
  const { bytes, content, end } = value.next(TAG.bitString);
  const usages: string[] = [];
  for (let bit = 0; bit < KEY_USAGES.length; bit++) {
    const at = content + 1 + (bit >> 3);
    if (at < end && bytes[at]! & (0x80 >> (bit & 7))) usages.push(KEY_USAGES[bit]!);
  }
  return usages;
}

export function readExtendedKeyUsages(value: DerReader): string[] {
  const purposes: string[] = [];
  const outer = value.open(TAG.sequence);
  while (!value.done) {
    const purpose = value.oid();
    purposes.push(EXTENDED_KEY_USAGES[purpose] ?? purpose);
  }
  value.close(outer);
  return purposes;
}

export function readBasicConstraints(value: DerReader): NonNullable<CertificateExtensions['basicConstraints']> {
  const outer = value.open(TAG.sequence);
  const certificateAuthority = value.peek() === TAG.boolean && value.boolean();
  const pathLength = value.done ? undefined : value.integer();
  value.leave(outer);
  return pathLength === undefined ? { certificateAuthority } : { certificateAuthority, pathLength };
}

/** The next GeneralName (RFC 5280 section 4.2.1.6), by its tag number. */
export function readGeneralName(names: DerReader): SubjectAlternativeName {
  names.next();
  switch (names.tag & 0x1f) {
    case 0:
      return { type: 'otherName', value: readOtherName(names.inside()) };
    case 1:
      return { type: 'email', value: names.latin1(names.content, names.end) };
    case 2:
      return { type: 'dns', value: names.latin1(names.content, names.end) };
    case 4:
      return { type: 'directoryName', value: readDirectoryName(names) };
    case 6:
      return { type: 'uri', value: names.latin1(names.content, names.end) };
    case 7:
      return { type: 'ip', value: ipText(names.value()) };
    case 8: {
      // An implicitly tagged OID: give it back its universal tag to read it.
      const bytes = Uint8Array.from(names.raw());
      bytes[0] = TAG.oid;
      return { type: 'registeredId', value: new DerReader(bytes, 'registered id').oid() };
    }
    default:
      return { type: String(names.tag & 0x1f), value: names.hex() };
  }
}

function readDirectoryName(names: DerReader): string {
  const { text, hasEmptyRdn } = readName(names.inside().enter(TAG.sequence));
  if (hasEmptyRdn)
    names.note(
      'EMPTY_RDN',
      'A directory name among its alternative names has an empty relative name, which is left out: strict readers refuse it.',
    );
  return text;
}

function readOtherName(name: DerReader): string {
  const type = name.oid();
  const value = name.enter(context(0));
  value.next();
  return `${type}=${stringValue(value) ?? `#${asBuffer(value.raw()).toString('hex')}`}`;
}

/** Four or sixteen octets as RFC 5952 writes them. Throws MALFORMED for any other length. */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw malformed('IP address in a general name');
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16));
  return compressZeros(groups);
}

/** RFC 5952 section 4.2: the first longest run of two or more zero groups becomes "::". */
function compressZeros(groups: string[]): string {
  let from = 0;
  let length = 0;
  for (let i = 0; i < groups.length; i++) {
    let end = i;
    while (groups[end] === '0') end++;
    if (end - i > length) [from, length] = [i, end - i];
  }
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, from).join(':')}::${groups.slice(from + length).join(':')}`;
}
