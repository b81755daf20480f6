import { isUtf8 } from 'node:buffer';
import { asBuffer, context, DerReader, TAG } from './der-reader.ts';
import { readName, stringValue } from './name.ts';
import { EXTENDED_KEY_USAGES, EXTENSION, KEY_USAGES } from './oids.ts';
import { isOfOneField, malformed } from './x509-error.ts';

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
    const end = reader.limit;
    reader.open(TAG.octetString);
    readExtension(id, reader, found);
    reader.limit = end;
    reader.leave(outerExtension);
  }
  reader.close(outer);
}

/** A value that is malformed is left out as a whole, as OpenSSL does. */
function readExtension(id: string, value: DerReader, found: CertificateExtensions): void {
  try {
    readKnownExtension(id, value, found);
  } catch (error) {
    if (!isOfOneField(error)) throw error;
    const [name] = Object.entries(EXTENSION).find(([, oid]) => oid === id)!;
    value.note('ODD_ENCODING', `Its ${name} extension is malformed and passed over: strict readers refuse it.`);
  }
}

function readKnownExtension(id: string, value: DerReader, found: CertificateExtensions): void {
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
  const names: SubjectAlternativeName[] = [];
  let dropped = 0;
  while (!value.done && names.length < MAX_NAMES) names.push(readGeneralName(value));
  for (; !value.done; dropped++) value.next();
  value.close(outer);
  found.subjectAlternativeNames = names;
  found.droppedNames = dropped;
}

/** Names of the bits that are set, in their order. */
export function readKeyUsages(value: DerReader): string[] {
  const { bytes, content, end } = value.next(TAG.bitString);
  const unused = bytes[content]!;
  if (end === content || unused > 7 || (unused > 0 && end === content + 1)) throw malformed('key usage', value.start);
  const spare = (1 << unused) - 1;
  if (unused > 0 && bytes[end - 1]! & spare)
    value.note('ODD_ENCODING', 'Its keyUsage sets bits that it says are unused; they are passed over.');
  const usages: string[] = [];
  for (let bit = 0; bit < KEY_USAGES.length; bit++) {
    const at = content + 1 + (bit >> 3);
    const isSpare = at === end - 1 && 7 - (bit & 7) < unused;
    if (at < end && !isSpare && bytes[at]! & (0x80 >> (bit & 7))) usages.push(KEY_USAGES[bit]!);
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
  const pathLength = value.done ? undefined : readPathLength(value);
  value.leave(outer);
  return pathLength === undefined ? { certificateAuthority } : { certificateAuthority, pathLength };
}

/** As it stands, also a negative one; undefined where it does not fit in 32 bits. */
function readPathLength(value: DerReader): number | undefined {
  const bytes = asBuffer(value.next(TAG.integer).value());
  if (bytes.length === 0) throw malformed('path length', value.start);
  if (bytes.length > 4) {
    value.note('ODD_ENCODING', 'The path length in its basicConstraints has more than 32 bits and is left out.');
    return undefined;
  }
  const length = bytes.readIntBE(0, bytes.length);
  if (length < 0) {
    value.note('ODD_ENCODING', 'The path length in its basicConstraints is negative: strict readers refuse it.');
    return length;
  }
  value.position = value.start;
  return value.integer();
}

/** The next GeneralName (RFC 5280 section 4.2.1.6), by its tag number. */
export function readGeneralName(names: DerReader): SubjectAlternativeName {
  names.next();
  switch (names.tag & 0x1f) {
    case 0:
      return { type: 'otherName', value: readOtherName(names.inside()) };
    case 1:
      return { type: 'email', value: ia5Text(names, 'An email address') };
    case 2:
      return { type: 'dns', value: ia5Text(names, 'A DNS name') };
    case 4:
      return { type: 'directoryName', value: readDirectoryName(names) };
    case 6:
      return { type: 'uri', value: ia5Text(names, 'A URI') };
    case 7:
      return { type: 'ip', value: readIp(names) };
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

/** An IA5String; with octets above ASCII as UTF-8, else as Latin-1. */
function ia5Text(names: DerReader, what: string): string {
  let at = names.content;
  while (at < names.end && names.bytes[at]! < 0x80) at++;
  if (at === names.end) return names.latin1(names.content, names.end);
  const bytes = names.value();
  const isText = isUtf8(bytes);
  names.note(
    'NON_ASCII_NAME',
    `${what} among its alternative names is not ASCII; it is shown as ${isText ? 'UTF-8' : 'Latin-1'}: clients do not match it.`,
  );
  return asBuffer(bytes).toString(isText ? 'utf8' : 'latin1');
}

function readIp(names: DerReader): string {
  const bytes = names.value();
  if (bytes.length === 4 || bytes.length === 16) return ipText(bytes);
  names.note(
    'ODD_ENCODING',
    'An IP address among its alternative names has not 4 or 16 bytes and is shown in hexadecimal: strict readers refuse it.',
  );
  return `#${names.hex()}`;
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
