import { Buffer } from 'node:buffer';
import { context, DerReader, TAG } from './der-reader.ts';
import { readName, stringValue } from './name.ts';
import { EXTENDED_KEY_USAGES, EXTENSION, KEY_USAGES } from './oids.ts';
import { malformed } from './x509-error.ts';

export const MAX_NAMES = 10_000;

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

/** Reads inside the [3] of a TBSCertificate; undefined for a certificate without extensions. */
export function readExtensions(explicit: DerReader | undefined): CertificateExtensions {
  const found: CertificateExtensions = {
    subjectAlternativeNames: [],
    droppedNames: 0,
    keyUsages: [],
    extendedKeyUsages: [],
    subjectKeyIdentifier: '',
    authorityKeyIdentifier: '',
  };
  if (!explicit) return found;
  const list = explicit.enter(TAG.sequence);
  while (!list.done) {
    const extension = list.enter(TAG.sequence);
    const id = extension.oid();
    if (extension.peek() === TAG.boolean) extension.boolean();
    const read = READERS[id];
    if (read) read(new DerReader(extension.octets(), 'extension'), found);
  }
  return found;
}

const READERS: Record<string, (value: DerReader, found: CertificateExtensions) => void> = {
  [EXTENSION.subjectAltName](value, found) {
    const names = value.enter(TAG.sequence);
    while (!names.done && found.subjectAlternativeNames.length < MAX_NAMES) {
      found.subjectAlternativeNames.push(readGeneralName(names));
    }
    for (; !names.done; found.droppedNames++) names.next();
  },
  [EXTENSION.keyUsage](value, found) {
    const bits = value.next(TAG.bitString).value();
    found.keyUsages = KEY_USAGES.filter((_, bit) => (bits[1 + (bit >> 3)] ?? 0) & (0x80 >> (bit & 7)));
  },
  [EXTENSION.extendedKeyUsage](value, found) {
    const purposes = value.enter(TAG.sequence);
    while (!purposes.done) {
      const purpose = purposes.oid();
      found.extendedKeyUsages.push(EXTENDED_KEY_USAGES[purpose] ?? purpose);
    }
  },
  [EXTENSION.basicConstraints](value, found) {
    const constraints = value.enter(TAG.sequence);
    const certificateAuthority = constraints.peek() === TAG.boolean && constraints.boolean();
    const pathLength = constraints.done ? undefined : constraints.integer();
    found.basicConstraints = { certificateAuthority, ...(pathLength !== undefined && { pathLength }) };
  },
  [EXTENSION.subjectKeyIdentifier](value, found) {
    found.subjectKeyIdentifier = hex(value.octets());
  },
  [EXTENSION.authorityKeyIdentifier](value, found) {
    const identifier = value.enter(TAG.sequence);
    if (identifier.optional(context(0, false))) found.authorityKeyIdentifier = hex(identifier.value());
  },
};

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/** GeneralName (RFC 5280 section 4.2.1.6), by its tag number. */
function readGeneralName(names: DerReader): SubjectAlternativeName {
  names.next();
  switch (names.tag & 0x1f) {
    case 0:
      return { type: 'otherName', value: readOtherName(names.inside()) };
    case 1:
      return { type: 'email', value: latin1(names.value()) };
    case 2:
      return { type: 'dns', value: latin1(names.value()) };
    case 4:
      return { type: 'directoryName', value: readName(names.inside().enter(TAG.sequence)).text };
    case 6:
      return { type: 'uri', value: latin1(names.value()) };
    case 7:
      return { type: 'ip', value: ipText(names.value()) };
    case 8: {
      // An implicitly tagged OID: give it back its universal tag to read it.
      const bytes = Uint8Array.from(names.raw());
      bytes[0] = TAG.oid;
      return { type: 'registeredId', value: new DerReader(bytes, 'registered id').oid() };
    }
    default:
      return { type: String(names.tag & 0x1f), value: hex(names.value()) };
  }
}

function readOtherName(name: DerReader): string {
  const type = name.oid();
  const value = name.enter(context(0));
  value.next();
  return `${type}=${stringValue(value) ?? `#${hex(value.raw())}`}`;
}

function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) throw malformed('IP address in a subject alternative name');
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
