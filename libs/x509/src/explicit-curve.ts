import { generateKeyPairSync } from 'node:crypto';
import { CURVES } from './algorithms.ts';
import { asBuffer, DerReader, TAG } from './der-reader.ts';
import { malformed } from './x509-error.ts';

/** ECParameters (X9.62, SEC 1 appendix C.2), each part in hexadecimal. */
interface CurveParameters {
  /** Bits. */
  size: number;
  /** FieldID: the prime, or the polynomial. */
  field: string;
  a: string;
  b: string;
  generator: Buffer;
  order: string;
  /** Undefined where it is left out. */
  cofactor: string | undefined;
}

/** A curve that a key spells out, and how it stands to the named ones. */
export interface ExplicitCurve {
  size: number;
  /** The curve that it is, or that it is nearest to; undefined where it is like none. */
  name: string | undefined;
  /** What is not this curve's. */
  differences: string[];
}

/** Reads ECParameters, and compares them with the named curves of their size. Throws X509Error. */
export function readExplicitCurve(reader: DerReader): ExplicitCurve {
  const given = readParameters(reader);
  const near = namedCurves(given.size)
    .map(({ name, parameters }) => ({ size: given.size, name, differences: differencesOf(given, parameters) }))
    .filter(({ differences }) => differences.length <= MOST_DIFFERENCES && !differences.includes('field'))
    .toSorted((a, b) => a.differences.length - b.differences.length);
  return near[0] ?? { size: given.size, name: undefined, differences: [] };
}

/** With more of its five parts changed a curve is another one. */
const MOST_DIFFERENCES = 2;
const PRIME_FIELD = '1.2.840.10045.1.1';

function readParameters(reader: DerReader): CurveParameters {
  const fields = reader.enter(TAG.sequence);
  fields.integer();
  const field = fields.enter(TAG.sequence);
  const raw = asBuffer(fields.raw()).toString('hex');
  const isPrime = field.oid() === PRIME_FIELD;
  const size = isPrime ? field.next(TAG.integer).bits() : field.enter(TAG.sequence).integer();
  if (size > MAX_FIELD_BITS) throw malformed('curve parameters', reader.start);
  const curve = fields.enter(TAG.sequence);
  const [a, b] = [number(curve.next(TAG.octetString)), number(curve.next(TAG.octetString))];
  const generator = asBuffer(fields.octets());
  const order = number(fields.next(TAG.integer));
  const cofactor = fields.peek() === TAG.integer ? number(fields.next()) : undefined;
  return { size, field: raw, a, b, generator, order, cofactor };
}

/** A certificate has not room for more; the wire has room for this. */
const MAX_FIELD_BITS = 2 ** 20;

/** The content octets as a number in hexadecimal, however many zeros are before it. */
const number = (reader: DerReader): string => reader.hex().replace(/^(00)+/, '');

function differencesOf(given: CurveParameters, named: CurveParameters): string[] {
  const differences = (['field', 'a', 'b', 'order'] as const).filter((part) => given[part] !== named[part]) as string[];
  if (!isSameGenerator(given.generator, named.generator)) differences.push('generator');
  if (given.cofactor !== undefined && given.cofactor !== named.cofactor) differences.push('cofactor');
  return differences;
}

/** SEC 1 section 2.3.3: a compressed point has its x; the other of the two with it is as hard to attack. */
function isSameGenerator(given: Buffer, named: Buffer): boolean {
  const form = given[0];
  const length = form === 2 || form === 3 ? (named.length - 1) / 2 : named.length - 1;
  return given.length === length + 1 && given.subarray(1).equals(named.subarray(1, length + 1));
}

interface NamedCurve {
  name: string;
  parameters: CurveParameters;
}
/** By their size, read when it is first asked for. */
const known = new Map<number, NamedCurve[]>();
/** What OpenSSL calls curves otherwise. */
const OPENSSL_NAMES: Record<string, string> = { c2pnb176w1: 'c2pnb176v1' };

function namedCurves(size: number): NamedCurve[] {
  let curves = known.get(size);
  if (!curves) {
    const names = Object.values(CURVES).flatMap((curve) => (curve.size === size ? [curve.name] : []));
    if (names.length === 0) return [];
    curves = names.flatMap((name) => parametersOf(name) ?? []);
    known.set(size, curves);
  }
  return curves;
}

/** node:crypto has no list of parameters, but writes a key with them; undefined for a curve that it does not have. */
function parametersOf(name: string): NamedCurve | undefined {
  try {
    const namedCurve = OPENSSL_NAMES[name] ?? name;
    const { publicKey } = generateKeyPairSync('ec', { namedCurve, paramEncoding: 'explicit' });
    const spki = new DerReader(publicKey.export({ format: 'der', type: 'spki' }), 'public key').enter(TAG.sequence);
    const algorithm = spki.enter(TAG.sequence);
    algorithm.oid();
    return { name, parameters: readParameters(algorithm) };
  } catch {
    return undefined;
  }
}
