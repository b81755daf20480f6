import { Buffer } from 'node:buffer';
import { asBuffer, DerReader, TAG } from './der-reader.ts';
import { ATTRIBUTE_NAMES } from './oids.ts';
import { X509Error } from './x509-error.ts';

const utf8 = new TextDecoder();

/** A directory string of any of the string types (RFC 5280 section 4.1.2.4), or undefined for another type. */
export function stringValue(reader: DerReader): string | undefined {
  switch (reader.tag) {
    case TAG.utf8String:
      return utf8.decode(reader.value());
    case 0x12: // NumericString
    case 0x13: // PrintableString
    case 0x14: // TeletexString, which the field writes as Latin-1
    case 0x16: // IA5String
    case 0x1a: // VisibleString
      return reader.latin1(reader.content, reader.end);
    case TAG.bmpString:
      return (reader.end - reader.content) % 2 ? undefined : Buffer.from(reader.value()).swap16().toString('utf16le');
    case 0x1c: // UniversalString
      return universalString(reader.value());
    default:
      return undefined;
  }
}

function universalString(bytes: Uint8Array): string | undefined {
  if (bytes.length % 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let text = '';
  for (let i = 0; i < bytes.length; i += 4) {
    const point = view.getUint32(i);
    text += point > 0x10ffff ? '\ufffd' : String.fromCodePoint(point);
  }
  return text;
}

const ESCAPED = /[",+;<>\\\0]|^[ #]| $/g;

/** Escaping of RFC 4514 section 2.4. */
const escapeValue = (text: string): string =>
  text.replace(ESCAPED, (character) => (character === '\0' ? '\\00' : `\\${character}`));

/** Octets that are the same character in every one of the byte strings and never escaped, save a space at an end. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, octet) =>
  octet >= 0x20 && octet < 0x7f && !'",+;<>\\#'.includes(String.fromCharCode(octet)) ? 1 : 0,
);
/** UTF8String, NumericString, PrintableString, TeletexString, IA5String, VisibleString. */
const BYTE_STRINGS = new Set([0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a]);

/** Whether a value is written as it stands, as nearly all are: it needs no decoding and no escape. */
function isPlain({ bytes, tag, content, end }: DerReader): boolean {
  for (let i = content; i < end; i++) if (!PLAIN[bytes[i]!]) return false;
  return BYTE_STRINGS.has(tag) && bytes[content] !== 0x20 && bytes[end - 1] !== 0x20;
}

export interface Name {
  /** RFC 4514: last RDN first, "CN=web1,O=Acme"; values of one RDN in OpenSSL's order. */
  text: string;
  /** The most specific CN, or empty. */
  commonName: string;
  /** Whether an RDN without an attribute was left out, which RFC 5280 section 4.1.2.4 does not allow. */
  hasEmptyRdn: boolean;
}

/** Reads inside a Name (RFC 5280 section 4.1.2.4): SEQUENCE OF SET OF type and value. */
export function readName(name: DerReader): Name {
  let text = '';
  let commonName = '';
  let hasEmptyRdn = false;
  while (!name.done) {
    const outerRdn = name.open(TAG.set);
    let part = '';
    while (!name.done) {
      const outerAttribute = name.open(TAG.sequence);
      const type = name.oid();
      name.next();
      const plain = isPlain(name);
      const value = plain ? name.latin1(name.content, name.end) : stringValue(name);
      if (type === COMMON_NAME && value !== undefined) commonName = value;
      const prefix = PREFIXES.get(type);
      const pair =
        prefix === undefined ? `${type}=${hexValue(name)}` : prefix + (plain ? value! : writtenValue(name, value));
      part = part === '' ? pair : `${pair}+${part}`;
      name.leave(outerAttribute);
    }
    name.close(outerRdn);
    if (part === '') hasEmptyRdn = true;
    else text = text === '' ? part : `${part},${text}`;
  }
  return { text, commonName, hasEmptyRdn };
}

const COMMON_NAME = '2.5.4.3';
/** "CN=", … */
const PREFIXES = new Map(Object.entries(ATTRIBUTE_NAMES).map(([type, name]) => [type, `${name}=`]));

function writtenValue(reader: DerReader, value: string | undefined): string {
  return value === undefined ? hexValue(reader) : escapeValue(value);
}

/** The DER of a value that has no text form, and of every value whose type is an OID (RFC 4514 section 2.4). */
const hexValue = (reader: DerReader): string => `#${asBuffer(reader.raw()).toString('hex').toUpperCase()}`;

/** One attribute of an RDN: its type as written (`CN`) and its value, unescaped; of DER in hexadecimal the string in it. */
export interface NameAttribute {
  type: string;
  value: string;
}

/** The RDNs of a name's text, as readName writes it and in its order; each with one attribute or more. */
export function splitName(text: string): NameAttribute[][] {
  const rdns: NameAttribute[][] = [];
  let [rdn, type, raw] = [[] as NameAttribute[], '', ''];
  let inValue = false;
  const end = (last: boolean) => {
    if (type !== '') rdn.push({ type, value: HEX_VALUE.test(raw) ? fromHexValue(raw) : unescapeValue(raw) });
    [type, raw, inValue] = ['', '', false];
    if (last && rdn.length > 0) {
      rdns.push(rdn);
      rdn = [];
    }
  };
  for (let i = 0; i < text.length; i++) {
    const character = text[i]!;
    if (character === '\\') raw += character + (text[++i] ?? '');
    else if (character === '=' && !inValue) [type, raw, inValue] = [raw, '', true];
    else if (character === ',' || character === '+') end(character === ',');
    else raw += character;
  }
  end(true);
  return rdns;
}

const HEX_VALUE = /^#(?:[0-9A-Fa-f]{2})+$/;

/** The string in a value's DER; another type, or no DER, stays as it is written. */
function fromHexValue(raw: string): string {
  try {
    return stringValue(new DerReader(Buffer.from(raw.slice(1), 'hex'), 'attribute value').next()) ?? raw;
  } catch (error) {
    if (error instanceof X509Error) return raw;
    throw error;
  }
}

/** RFC 4514 section 3: pairs of hex digits are bytes of UTF-8, every other escaped character is itself. */
const unescapeValue = (raw: string): string =>
  raw.replace(/((?:\\[0-9A-Fa-f]{2})+)|\\(.)/gs, (_, bytes: string | undefined, character: string) =>
    bytes === undefined ? character : Buffer.from(bytes.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
